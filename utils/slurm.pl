#!/usr/bin/env perl
# Runs a command, or numbered copies of it, as jobs of Slurm and waits for them; every copy writes its own log.

use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use lib dirname(abs_path(__FILE__));
use JobCommand;
use List::Util qw(max min);
use POSIX qw(:signal_h setlocale LC_ALL);
use SlurmConf;
use SlurmScript;
use Time::HiRes qw(time);

my $usage = <<'END';
Usage: slurm.pl [options] [JOB=1:n] log-file command [arguments...]
 e.g.: slurm.pl --mem 2G --max-jobs-run 40 JOB=1:200 exp/log/count.JOB.log wc -l data/split/text.JOB

As run.pl (see there for JOB, the command's words and the logs' names), but the copies are tasks of a Slurm job array.
They start in this folder, with this environment, after ./path.sh where there is one. Beside the logs, in q/, lie the
script that was submitted and what Slurm itself wrote. slurm.pl ends when all copies have ended.

Options, before or after JOB=1:n:
  --max-jobs-run n, -tc n  at most n copies at a time
  --pick all|failed|incomplete
                           judged by the logs of an earlier run: run all copies (default), those that failed or did not
                           end, or those that did not end (a failed one still counts as a failure)
  --config f               what the other options mean (default: conf/slurm.conf, and without that file as below)
  --gpu n --mem 2G --name s --num-nodes n --num-threads n --time t --account s --constraint s --partition s --qos s
                           whatever the config knows; -pe smp n is --num-threads n, -q s is --partition s
  --dry-run true           submit nothing, print what would submit the jobs
  -V, -sync y              accepted: the environment is passed on, and slurm.pl waits, in any case

Lines of a config (# begins a comment):
  command sbatch --export=ALL        what submits a script
  option gpu=* --gres=gpu:$0         --gpu 2 becomes --gres=gpu:2; a line for one value goes before that for *
  option gpu=0                       --gpu 0 adds nothing
  default time=4:00:00               as if --time 4:00:00 were given, unless --time is

Exit code: 0 all copies succeeded, 1 one or more failed, 255 wrong options. The jobs are cancelled when slurm.pl
ends before them, by Ctrl-C or kill -9.
SLURM_PL_GRACE: seconds that a job may be gone from Slurm before its log shows its end (75); Slurm is asked as often.
END

my $grace = $ENV{SLURM_PL_GRACE} // 75;
my $ended = qr{^(?:BOOT_FAIL|CANCELLED|COMPLETED|DEADLINE|FAILED|LAUNCH_FAILED|NODE_FAIL|OUT_OF_MEMORY|PREEMPTED
               |RECONFIG_FAIL|REVOKED|TIMEOUT|GONE)$}x;
my $will_pass = qr{^(?:None|Priority|Resources|JobArrayTaskLimit|BeginTime|Dependency|Cleaning|Prolog|\(null\))?$};
my $nobody_answers = qr/contact slurm controller|establish a configuration source|connection (?:refused|timed out)/i;
my %meaning = (
    TIMEOUT       => 'its time limit ended it (--time)',
    OUT_OF_MEMORY => 'it used more memory than it was given (--mem)',
    CANCELLED     => 'it was cancelled (scancel)',
    NODE_FAIL     => 'its node failed',
    PREEMPTED     => 'another job took its place',
    FAILED        => 'its script ended before its log did',
    COMPLETED     => 'but the log has no end',
    GONE          => 'Slurm knows it no more, and the log has no end',
);
my $signals = POSIX::SigSet->new(SIGINT, SIGTERM, SIGHUP);
my @submitted;      # Slurm's ids of the arrays
my %printed;        # messages
my $line;           # the command line

# Runs a program that Ctrl-C does not reach; returns its exit code and output.
sub run_program {
    my @words = @_;
    my $pid = open(my $output, '-|') // stop(1, "cannot start a process: $!");
    if ($pid == 0) {
        POSIX::setpgid(0, 0);
        sigprocmask(SIG_UNBLOCK, $signals);
        open(STDERR, '>&', \*STDOUT);
        open(STDIN, '<', '/dev/null');
        no warnings 'exec';
        exec { $words[0] } @words or syswrite(STDOUT, "$words[0]: $!\n");
        POSIX::_exit(127);
    }
    my $text = do { local $/; <$output> } // '';
    close($output);
    return $? >> 8 || $? & 127, $text;
}

# Groups jobs into arrays, since the ids of an array's tasks stay below Slurm's MaxArraySize: ([offset, job, ...], ...).
sub arrays {
    my @jobs = @_;
    my (undef, $settings) = run_program('scontrol', 'show', 'config');
    my $most = $settings =~ /^MaxArraySize\s*=\s*(\d+)/m ? $1 - 1 : $line->{last};
    stop(1, "this Slurm allows no job arrays (MaxArraySize)") if $most < 1;
    my %by_offset;
    push @{ $by_offset{ int(($_ - 1) / $most) * $most } }, $_ for @jobs;
    return map { [$_, @{ $by_offset{$_} }] } sort { $a <=> $b } keys %by_offset;
}

# 1 2 3 5 -> 1-3,5
sub ranges {
    my @ranges;
    for my $number (@_) {
        if (@ranges && $ranges[-1][1] == $number - 1) { $ranges[-1][1] = $number; }
        else                                          { push @ranges, [$number, $number]; }
    }
    return join(',', map { $_->[0] == $_->[1] ? $_->[0] : "$_->[0]-$_->[1]" } @ranges);
}

# Submits the jobs; returns for each {id => Slurm's id, log}.
sub submit {
    my ($base, @jobs) = @_;
    my $config = read_config($line->{options}{config});
    my %options = (%{ $config->{default} }, %{ $line->{options} });
    my $limit = $options{max_jobs_run};
    my $dry_run = ($options{dry_run} // '') eq 'true';
    my @words = (submit_words($config, \%options), '--open-mode=append');
    (my $pattern = "$base.log") =~ s/%/%%/g;
    push @words, '-e', $pattern, '-o', $pattern;
    if ($dry_run) {
        print_submission(\@words, $limit, "$base.sh", @jobs);
        return {};
    }
    make_log_folder("$base.sh");
    write_log('>', "$base.sh", script($line));
    my %waiting;
    for my $job (@jobs) {
        $waiting{$job} = { log => for_job($line->{log}, $job), state => '' };
        make_log_folder($waiting{$job}{log});
        # The node of the job overwrites the log; over NFS, changes of an existing file are visible sooner.
        write_log('>', $waiting{$job}{log}, "# Queued at " . now() . "\n");
    }
    watch_over(sub { run_program('scancel', @_) });
    for my $array (defined $line->{job_name} ? arrays(@jobs) : [0]) {
        my ($offset, @members) = @$array;
        my @more = array_words($limit, @$array);
        # Slurm limits each array for itself, so one waits for the other.
        push @more, "--dependency=afterany:$submitted[-1]" if $limit && @submitted;
        my $id = submit_array(@words, @more, "$base.sh", $offset);
        $waiting{$_}{id} = @members ? $id . '_' . ($_ - $offset) : $id for @members ? @members : @jobs;
    }
    return \%waiting;
}

# What sbatch is told of an array: its tasks, and how many run at a time.
sub array_words {
    my ($limit, $offset, @members) = @_;
    return @members ? ('--array', ranges(map { $_ - $offset } @members) . ($limit ? "%$limit" : '')) : ();
}

sub print_submission {
    my ($words, $limit, $script, @jobs) = @_;
    for my $array (defined $line->{job_name} ? arrays(@jobs) : [0]) {
        print join(' ', @$words, array_words($limit, @$array), $script, $array->[0]), "\n";
    }
    print "slurm.pl: $words->[0] not found; run this where Slurm is, or with cmd_backend=local\n"
        if !grep { -x "$_/$words->[0]" } $words->[0] =~ m{/} ? '' : split(/:/, $ENV{PATH} // '');
}

sub submit_array {
    my @words = @_;
    # No signal may fall between the submission and the entry of the id in the books.
    sigprocmask(SIG_BLOCK, $signals);
    my ($code, $text) = run_program(@words);
    my ($id) = $text =~ /Submitted batch job (\d+)/ ? $1 : $text =~ /^(\d+)(?:;\S*)?$/m;
    push @submitted, $id if defined $id;
    tell_watcher('+', $id) if defined $id;
    sigprocmask(SIG_UNBLOCK, $signals);
    $text =~ s/\s+\z//;
    return $id if !$code && defined $id;
    my $hint = $code == 127 || $text =~ $nobody_answers
        ? "\n  Is there a Slurm here? Without one, cmd_backend=local (see cmd.sh) runs the jobs on this machine." : '';
    stop(1, "the job was not accepted: $text\n  (@words)$hint");
}

# Asks Slurm for the state of every waiting job. Where Slurm does not answer, the states stay as they are.
sub look_at_queue {
    my ($waiting) = @_;
    my ($code, $text) = run_program(qw(squeue -h -r -t all -o %F|%K|%T|%r -j), join(',', @submitted));
    if ($code && $text !~ /Invalid job id/) {
        $text =~ s/\s+\z//;
        say_once("squeue failed, waiting on: $text");
        return;
    }
    my %state;
    while ($text =~ /^(\d+)\|(\w+|N\/A)\|(\w+)\|(.*)$/mg) { $state{ $2 eq 'N/A' ? $1 : "$1_$2" } = [$3, $4]; }
    for my $job (values %$waiting) {
        # Tasks that were cancelled before they started are left as one entry for the array.
        my ($array) = $job->{id} =~ /^(\d+)/;
        my ($state, $reason) = @{ $state{ $job->{id} } // $state{$array} // ['GONE', ''] };
        $job->{state} = $state;
        if ($state !~ $ended) { delete $job->{since}; }
        elsif (!defined $job->{since}) { $job->{since} = time; }
        say_once("the queue holds jobs back: $reason") if $state eq 'PENDING' && $reason !~ $will_pass;
    }
}

sub say_once {
    my ($message) = @_;
    print STDERR "slurm.pl: $message\n" if !$printed{$message}++;
}

# Whether a job has ended; its log says how. Where Slurm says that it has ended and the log does not, as when a node
# died, the log gets some time to arrive from that node. Of a killed job Slurm must say so: it may start it again.
sub has_ended {
    my ($job) = @_;
    return 0 if $job->{state} eq 'PENDING';
    $job->{status} = status_in_log($job->{log}, $job->{id});
    return 1 if defined $job->{status} && !was_killed($job);
    return 0 if !defined $job->{since};
    my $patience = defined $job->{status} ? 0 : $job->{state} =~ /^(?:GONE|COMPLETED)$/ || $grace < 5 ? $grace : 5;
    return time - $job->{since} >= $patience;
}

# By the exit code that a shell gives a command that a signal killed, or by a log without an end.
sub was_killed {
    my ($job) = @_;
    return !defined $job->{status} || ($job->{status} > 128 && $job->{status} <= 192);
}

# Waits for all jobs; returns those that failed.
sub wait_for_all {
    my ($waiting) = @_;
    my ($began, $looked, @failed) = (time, time);
    while (%$waiting) {
        # Soon for short jobs, rarely for long ones and for many logs.
        my $pause = max(0.1, (time - $began) / 10, keys(%$waiting) / 1000);
        select(undef, undef, undef, min($pause, 10));
        for my $number (sort { $a <=> $b } keys %$waiting) {
            my $job = $waiting->{$number};
            next if !has_ended($job);
            push @failed, { %$job, number => $number } if ($job->{status} // 1) != 0;
            delete $waiting->{$number};
        }
        if (%$waiting && time - $looked >= min(max(2, 2 * $pause), 10, $grace)) {
            look_at_queue($waiting);
            $looked = time;
        }
    }
    return @failed;
}

# Says, of jobs that did not end by themselves, what Slurm tells, here and in their logs.
sub explain {
    my ($slurm_log, $known_size, @failed) = @_;
    my %killed = map { $_->{number} => $_ } grep { was_killed($_) } @failed or return;
    my %by_state;
    for my $number (sort { $a <=> $b } keys %killed) {
        my ($state, $log, $status) = @{ $killed{$number} }{qw(state log status)};
        next if defined $status && $state eq 'FAILED';    # the log tells
        push @{ $by_state{$state} }, $number;
        next if defined $status;
        run_program('scancel', $killed{$number}{id});    # lest a lost one comes back
        write_log('>>', $log, (ends_in_mid_line($log) ? "\n" : '') . "# Ended by Slurm: $state\n");
    }
    for my $state (sort keys %by_state) {
        my $which = defined $line->{job_name} ? ' of job ' . ranges(@{ $by_state{$state} }) : '';
        print STDERR "slurm.pl: Slurm's state$which: $state" . ($meaning{$state} ? ", $meaning{$state}" : '') . "\n";
    }
    open(my $handle, '<', $slurm_log) or return;
    seek($handle, $known_size, 0);
    my @lines = <$handle>;
    print STDERR map { "slurm.pl: $slurm_log: $_" } @lines > 5 ? @lines[-5 .. -1] : @lines;
}

sub cancel {
    run_program('scancel', @submitted) if @submitted;
    tell_watcher('-', @submitted);
}

# Ctrl-C and the like: cancels the jobs, then dies of the same signal.
sub shut_down {
    my ($signal) = @_;
    for (qw(INT TERM HUP)) { $SIG{$_} = 'IGNORE'; }
    cancel();
    print STDERR "slurm.pl: interrupted, all jobs were cancelled\n";
    $SIG{$signal} = 'DEFAULT';
    kill($signal, $$);
}

setlocale(LC_ALL, 'C');
# Inside a job of Slurm: what it says of that job must not pass for settings of the new ones.
if ($ENV{SLURM_JOB_ID}) { delete @ENV{ grep { /^SLURM_/ && !/^SLURM_(?:CONF|PL_GRACE)$/ } keys %ENV }; }
delete @ENV{ grep { /^SQUEUE_/ } keys %ENV };
$line = parse_command_line($usage);
$JobCommand::clean_up = \&cancel;
$SIG{CHLD} = 'DEFAULT';
# What nohup and the like ignore stays ignored.
for (qw(INT TERM HUP)) { $SIG{$_} = \&shut_down if ($SIG{$_} // '') ne 'IGNORE'; }
my ($failed_before, @jobs) = job_numbers($line);
my $base = own_files($line);
my $known_size = (-s "$base.log") // 0;
my @failed = @jobs ? wait_for_all(submit($base, @jobs)) : ();
explain("$base.log", $known_size, @failed);
tell_watcher('-', @submitted);
@submitted = ();
stop_if_failed($line, $failed_before + @failed);
