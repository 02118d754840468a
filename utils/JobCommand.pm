package JobCommand;

# What run.pl and slurm.pl share: the command line, a job's own name and words, logs and how they end.

use strict;
use warnings;
use Exporter qw(import);
use File::Basename qw(basename dirname);
use File::Path qw(make_path);
use POSIX qw(strftime);

our @EXPORT = qw(parse_command_line quoted for_job job_numbers make_log_folder write_log read_end logged_code
                 ends_in_mid_line now stop stop_if_failed watch_over tell_watcher);
our $clean_up = sub { };    # called before the program stops with an error

my $program = basename($0);
my $name;                   # JOB, where a range was given

sub stop {
    my ($code, $message) = @_;
    $clean_up->();
    print STDERR "$program: error: $message\n";
    exit $code;
}

# The command line as {options => {name => value}, job_name, first, last, log, command}. Options' names have _ for -;
# of an option that is given twice the last value counts.
sub parse_command_line {
    my ($usage) = @_;
    my %line = (options => { pick => 'all' }, first => 1, last => 1);
    while (@ARGV) {
        if    ($ARGV[0] =~ /^-/)                       { parse_option($line{options}, $usage); }
        elsif (is_job_range($ARGV[0]))                 { parse_job_range(\%line); }
        else                                           { last; }
    }
    if (@ARGV < 2) { print STDERR $usage; exit 1; }
    $line{log} = shift @ARGV;
    stop(1, "the log-file's name must contain $name, else all jobs would write to $line{log}")
        if $line{last} > $line{first} && index($line{log}, $name) < 0;
    $line{job_name} = $name;
    $line{command} = join(' ', map { shell_word($_) } @ARGV);
    return \%line;
}

sub parse_option {
    my ($options, $usage) = @_;
    my $option = shift @ARGV;
    if ($option eq '--help') { print $usage; exit 0; }
    $option =~ tr/_/-/;
    return if $option eq '-V';
    my $value = option_value($option);
    if ($option eq '-pe') { $value = option_value($option); }
    (my $key = $option) =~ s/^-+//;
    $key = { tc => 'max_jobs_run', pe => 'num_threads', q => 'partition' }->{$key} // $key if $option !~ /^--/;
    $key =~ tr/-/_/;
    check_number($option, $value, { max_jobs_run => 1, gpu => 0 }->{$key});
    stop(255, "option --dry-run takes true or false, got $value") if $key eq 'dry_run' && $value !~ /^(true|false)$/;
    stop(255, "option --pick takes all, failed or incomplete, got $value")
        if $key eq 'pick' && $value !~ /^(all|failed|incomplete)$/;
    $options->{$key} = $value;
}

sub option_value {
    my ($option) = @_;
    stop(255, "option $option needs a value") if !@ARGV || $ARGV[0] eq '' || $ARGV[0] =~ /^--/;
    return shift @ARGV;
}

sub check_number {
    my ($option, $value, $least) = @_;
    stop(255, "option $option needs a whole number from $least up, got $value")
        if defined $least && ($value !~ /^\d+$/ || $value < $least);
}

# A log whose name has a = must have a folder (./a=1) or the suffix .log, so that a mistyped range is never taken for it.
sub is_job_range {
    my ($word) = @_;
    return $word !~ m{/|\.log\z}s && $word =~ /=|^[^:]*:?\d+:\d+\z/;
}

sub parse_job_range {
    my ($line) = @_;
    my $range = shift @ARGV;
    stop(255, "two job ranges: $name=$line->{first}:$line->{last} and $range") if defined $name;
    stop(255, "bad job range $range, expected e.g. JOB=1:20 (a log of that name: ./$range)")
        if $range !~ /^(\w+)=(\d+)(?::(\d+))?\z/;
    stop(255, "bad job range $range: at most 1000000 jobs") if grep { defined && $_ > 1_000_000 } $2, $3;
    ($name, $line->{first}, $line->{last}) = ($1, $2, defined $3 ? $3 : $2);
    stop(255, "bad job range $range: jobs are numbered from 1") if $line->{first} < 1;
    stop(255, "bad job range $range: it ends before it starts") if $line->{last} < $line->{first};
}

# One argument as a word of the shell: operators stay operators, all else arrives literally.
sub shell_word {
    my ($word) = @_;
    my $plain = qr{[\w@%+=:,./^-]};
    return $word if $word =~ m{\A$plain+\z};
    return $word if $word =~ m{\A(?:[|&;()]|\|\||&&|\|&)\z};
    return $word if $word =~ m{\A(?:\d*|&)(?:>>|>&|>\||<&|>|<)$plain*\z};
    return quoted($word);
}

sub quoted {
    my ($word) = @_;
    $word =~ s/'/'\\''/g;
    return "'$word'";
}

sub for_job {
    my ($template, $job) = @_;
    $template =~ s/\Q$name\E/$job/g if defined $name;
    return $template;
}

# The numbers of the jobs that --pick asks for, and how many of the others failed earlier.
sub job_numbers {
    my ($line) = @_;
    my ($pick, $failed, @numbers) = ($line->{options}{pick}, 0);
    for my $job ($line->{first} .. $line->{last}) {
        my $code = $pick eq 'all' ? undef : logged_code(for_job($line->{log}, $job));
        if (!defined $code || ($code != 0 && $pick eq 'failed')) { push @numbers, $job; }
        elsif ($code != 0) { $failed++; }
    }
    return $failed, @numbers;
}

# How the job of an earlier run ended: its exit code, or undef where it did not.
sub logged_code {
    my ($log) = @_;
    return read_end($log) =~ /^# (?:Ended \(code |Finished at [^\n]* with status )(\d+)[^\n]*\n\z/m ? $1 : undef;
}

# The last thousand bytes of a file; of one that cannot be read, nothing.
sub read_end {
    my ($file) = @_;
    -f $file && open(my $handle, '<', $file) or return '';
    my $size = -s $handle;
    seek($handle, $size > 1000 ? $size - 1000 : 0, 0);
    local $/;
    return <$handle> // '';
}

sub ends_in_mid_line {
    my ($log) = @_;
    return read_end($log) =~ /[^\n]\z/;
}

sub now { return strftime('%a %b %e %H:%M:%S %Z %Y', localtime) }

sub make_log_folder {
    my ($log) = @_;
    eval { make_path(dirname($log)); 1 } or stop(1, "cannot make the folder of the log-file $log");
}

sub write_log {
    my ($mode, $log, $text) = @_;
    stop(1, "cannot write the log-file $log: it is not a file") if -e $log && !-f _ && $log ne '/dev/null';
    open(my $handle, $mode, $log) or stop(1, "cannot write the log-file $log: $!");
    print $handle $text;
    close($handle) or stop(1, "cannot write the log-file $log: $!");
}

# Starts a process that calls $end with what it was told of and not told to forget, when this one has ended without
# forgetting it, as by kill -9.
my $watcher;

sub watch_over {
    my ($end) = @_;
    pipe(my $told, $watcher) or stop(1, "cannot make a pipe: $!");
    my $pid = fork() // stop(1, "cannot start a process: $!");
    if ($pid) { close($told); waitpid($pid, 0); return; }
    close($watcher);
    POSIX::setsid();
    POSIX::_exit(0) if fork();    # the caller waits for its jobs alone
    for (qw(INT TERM HUP)) { $SIG{$_} = 'IGNORE'; }
    open(STDIN, '<', '/dev/null'), open(STDOUT, '>', '/dev/null'), open(STDERR, '>', '/dev/null');
    my %known;
    while (<$told>) {
        /^([+-])(\S+)$/ or next;
        if ($1 eq '+') { $known{$2} = 1; }
        else           { delete $known{$2}; }
    }
    $end->(sort keys %known) if %known;
    POSIX::_exit(0);
}

# + and what must end with this process, or - and what has ended.
sub tell_watcher {
    my ($sign, @what) = @_;
    syswrite($watcher, join('', map { "$sign$_\n" } @what)) if $watcher;
}

# Says how many jobs failed and where their logs are, and ends the program.
sub stop_if_failed {
    my ($line, $failed) = @_;
    return if !$failed;
    my $jobs = $line->{last} - $line->{first} + 1;
    stop(1, "job failed, log is in " . for_job($line->{log}, $line->{first})) if $jobs == 1;
    stop(1, "$failed / $jobs failed, log is in " . for_job($line->{log}, '*'));
}

1;
