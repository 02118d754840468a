#!/usr/bin/env perl
# Holds the locks of a run, and ends all processes of the run when it ends, however it ends.

use strict;
use warnings;
use Errno qw(EINTR EWOULDBLOCK);
use Fcntl qw(:flock);
use POSIX qw(setsid strftime);
use Sys::Hostname qw(hostname);

my $usage = <<'END';
Usage: guard.pl <pid> <mark> <command line>
Started by the script <pid>, with pipes as standard input and output. Every process of that run carries <mark> as a part
of VOXSIFT_RUN in its environment. Requests, one a line, each answered by "ok" or by a line that says why not:
  exclusive <file>    no other run may have the file; also: exclusive-wait, which waits (and says so first)
  shared <file>       other runs may share it; also: shared-wait. A lock that is held already is changed
  release <file>
The file holds "pid host since command" of those that have it. When <pid> has ended, by kill -9 too, all processes with
the mark are ended (Linux), and then the locks go.
END

my ($owner, $mark, @command) = @ARGV;
if (@ARGV < 3 || $owner !~ /^\d+$/) { print STDERR $usage; exit 1; }

my $patience = 30;    # seconds for processes of a killed run to end
my %held;             # file -> its handle
my $since = strftime('%Y-%m-%dT%H:%M:%S', localtime);
(my $command = join(' ', @command)) =~ s/\s+/ /g;

sub answer { syswrite(STDOUT, "$_[0]\n"); }

sub pause { select(undef, undef, undef, $_[0]); }

sub owner_lives { return getppid() == $owner; }

# Whether a process of this machine runs (zombies do not).
sub runs {
    my ($pid) = @_;
    return 0 if !kill(0, $pid) && !$!{EPERM};
    open(my $handle, '<', "/proc/$pid/stat") or return 1;
    return (<$handle> // '') !~ /\) Z /;
}

# The holders of a file, from its lines: [pid, host, since, command]; without those that have ended on this machine.
sub holders {
    my ($handle) = @_;
    seek($handle, 0, 0);
    return grep { @$_ == 4 && ($_->[1] ne hostname() || runs($_->[0])) }
        map { chomp; [split(/ /, $_, 4)] } <$handle>;
}

# The first holder of a file, short enough for the message of lib/run.sh (below 200 characters).
sub holder_line {
    my ($first, @more) = @_ or return '';
    my $who = "process $first->[0] on $first->[1], since $first->[2]" . (@more ? ', and ' . @more . ' more' : '');
    (my $command = $first->[3]) =~ s{^\S*/}{};
    $command = substr($command, 0, 37) . '...' if length $command > 40;
    return "$who: $command";
}

sub take {
    my ($mode, $wait, $file) = @_;
    my $handle = $held{$file};
    my $changes = defined $handle;
    if (!$changes && !open($handle, '+>>', $file)) {
        my $fault = "$file: cannot be written: $!";
        return answer($mode eq 'exclusive' ? "error: $fault" : "warning: $fault; do not start a second run there\nok");
    }
    my ($flag, $began, $reported) = ($mode eq 'exclusive' ? LOCK_EX : LOCK_SH, time, 0);
    until (flock($handle, $flag | LOCK_NB)) {
        next if $! == EINTR;
        if ($! != EWOULDBLOCK) {
            answer("warning: $file: cannot be locked ($!); do not start a second run there");
            last;
        }
        my @others = holders($handle);
        my $who = holder_line(@others);
        # A run that was killed holds its lock until its processes have ended.
        if (!$wait && (@others || time - $began > $patience)) {
            return answer("error: $file: another run is at work there: " . ($who || 'it does not say which'));
        }
        answer("waiting: $file: for another run: $who") if $wait && @others && !$reported++;
        return if !owner_lives();
        pause(0.2);
    }
    $held{$file} = $handle;
    if (!$changes) {
        # Remove old lines if the file is not shared.
        if ($flag == LOCK_EX || flock($handle, LOCK_EX | LOCK_NB)) { truncate($handle, 0); }
        flock($handle, $flag);
        syswrite($handle, "$owner " . hostname() . " $since $command\n");
    }
    answer('ok');
}

# The processes of the run, except this one.
sub marked {
    my @pids;
    for my $file (glob('/proc/[0-9]*/environ')) {
        my ($pid) = $file =~ /(\d+)/;
        next if $pid == $$ || !open(my $handle, '<', $file);
        local $/;
        my $environment = "\0" . (<$handle> // '');
        push @pids, $pid if $environment =~ m{\0VOXSIFT_RUN=(?:[^\0]*/)?\Q$mark\E[/\0]};
    }
    return @pids;
}

# Sends SIGTERM, and after five seconds SIGKILL, also to processes that they start meanwhile.
sub end_all {
    my ($began, %asked) = (time);
    while (my @left = marked()) {
        my $late = time - $began > 5;
        last if time - $began > $patience;
        kill($late ? 'KILL' : 'TERM', grep { $late || !$asked{$_}++ } @left);
        pause(0.1);
    }
}

setsid();    # signals to the run's group or terminal must not end this process
for (qw(INT TERM HUP PIPE)) { $SIG{$_} = 'IGNORE'; }
open(STDERR, '>', '/dev/null');    # do not keep the caller's pipe open
my ($requests, $open) = ('', 1);
while (owner_lives()) {
    my $ready = '';
    if (!$open) { pause(0.1); next; }
    vec($ready, fileno(STDIN), 1) = 1;
    next if select($ready, undef, undef, 0.5) < 1;
    my $count = sysread(STDIN, $requests, 4096, length $requests);
    next if !defined $count;
    $open = $count > 0;    # after the last request the owner ends by itself
    while ($requests =~ s/^(\w+)(-wait)? (.*)\n//) {
        if ($1 eq 'release') {
            close(delete $held{$3}) if $held{$3};
            answer('ok');
        }
        else { take($1, $2, $3); }
    }
}
end_all();
