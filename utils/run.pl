#!/usr/bin/env perl
# Runs a command, or numbered copies of it, on this machine; every copy writes its own log.

use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use lib dirname(abs_path(__FILE__));
use JobCommand;
use POSIX qw(:signal_h :sys_wait_h setlocale LC_ALL);

my $usage = <<'END';
Usage: run.pl [options] [JOB=1:n] log-file command [arguments...]
 e.g.: run.pl --max-jobs-run 4 JOB=1:20 exp/log/count.JOB.log wc -l data/split/text.JOB
       run.pl exp/log/sort.log gunzip -c a.gz \| sort \> a.txt

Runs the command with JOB (any name) replaced by 1, 2, ... n, in the log-file's name and in the command.
Arguments reach the command as given. An argument that is a shell operator on its own (\| \> \>\> \< 2\>\&1 \; \&\& ...)
acts as one; a pipe fails when any part of it fails. Standard input is empty.

Options, before or after JOB=1:n:
  --max-jobs-run n, -tc n  at most n copies at a time (default: as many as there are CPUs, or all of them
                           where they are fewer than 1.4 times the CPUs)
  --gpu n                  every copy needs n GPUs: no more copies at a time than the GPUs of nvidia-smi -L allow
  --pick all|failed|incomplete
                           judged by the logs of an earlier run: run all copies (default), those that failed or did not
                           end, or those that did not end (a failed one still counts as a failure)
  --dry-run true           run nothing, print how many jobs would run
  accepted, for the schedulers: --config f --mem 2G --num-threads n --time t --name s --num-nodes n, other --x value,
                           -V, -pe smp n, -sync y, -q x

Jobs end with run.pl, however it ends. Exit code: 0 all copies succeeded, 1 one or more failed, 255 wrong options.
END

my $signals = POSIX::SigSet->new(SIGINT, SIGTERM, SIGHUP);
my %running;    # process id -> [job, start time]

sub cpu_count {
    # nproc would use these as the number of CPUs, and path.sh sets the first.
    local %ENV = %ENV;
    delete @ENV{qw(OMP_NUM_THREADS OMP_THREAD_LIMIT)};
    chomp(my $count = `nproc 2>/dev/null || getconf _NPROCESSORS_ONLN 2>/dev/null` || 1);
    return $count;
}

sub gpu_count {
    my ($gpus) = @_;
    my @lines = grep { /^GPU \d+/ } `nvidia-smi -L 2>/dev/null`;
    stop(1, "--gpu $gpus: nvidia-smi -L shows no GPU on this machine; use --gpu 0, or --max-jobs-run n")
        if !@lines;
    return scalar @lines;
}

sub jobs_at_a_time {
    my ($jobs, $options) = @_;
    my $asked = $options->{max_jobs_run};
    if (my $gpus_per_job = $options->{gpu}) {
        my $gpus = gpu_count($gpus_per_job);
        stop(1, "--gpu $gpus_per_job: this machine has only $gpus") if $gpus_per_job > $gpus;
        my $fit = int($gpus / $gpus_per_job);
        return defined $asked && $asked < $fit ? $asked : $fit;
    }
    return $asked if defined $asked;
    my $cpus = cpu_count();
    return $jobs < 1.4 * $cpus ? $jobs : $cpus;
}

sub start {
    my ($job, $log, $command) = @_;
    make_log_folder($log);
    (my $comment = $command) =~ s/\n/\n# /g;
    write_log('>', $log, "# $comment\n# Started at " . now() . "\n#\n");
    # Block signals until the process is in the table.
    sigprocmask(SIG_BLOCK, $signals);
    my $pid = fork();
    stop(1, "cannot start a process: $!") if !defined $pid;
    execute($log, $command) if $pid == 0;
    POSIX::setpgid($pid, $pid);
    $running{$pid} = [$job, time];
    tell_watcher('+', $pid);
    sigprocmask(SIG_UNBLOCK, $signals);
}

# The child's part: a process group of its own, output into the log, then the command. Never returns.
sub execute {
    my ($log, $command) = @_;
    POSIX::setpgid(0, 0);
    for (qw(INT TERM HUP)) { $SIG{$_} = 'DEFAULT' if ref $SIG{$_}; }
    sigprocmask(SIG_UNBLOCK, $signals);
    if (open(STDIN, '<', '/dev/null') && open(STDOUT, '>>', $log) && open(STDERR, '>>&', \*STDOUT)) {
        no warnings 'exec';
        exec('bash', '-o', 'pipefail', '-c', $command);
        print STDERR "run.pl: cannot run bash: $!\n";
    }
    POSIX::_exit(127);
}

# Waits for one job to end, closes its log and returns its exit code.
sub finish_one {
    my ($log_name) = @_;
    my $pid = waitpid(-1, 0);
    my $status = $?;
    my ($job, $started) = @{ delete $running{$pid} };
    tell_watcher('-', $pid);
    my $log = for_job($log_name, $job);
    my ($code, $signal) = ($status >> 8, $status & 127);
    # A shell says 128 + S for a command that signal S killed; so does the log, whichever process was hit.
    $code = 128 + $signal if $signal;
    $signal = $code - 128 if $code > 128 && $code <= 192;
    my $elapsed = time - $started;
    my $ended = "code $code" . ($signal ? "; signal $signal" : '');
    write_log('>>', $log, (ends_in_mid_line($log) ? "\n" : '') . "# Accounting: time=$elapsed threads=1\n"
            . "# Ended ($ended) at " . now() . ", elapsed time $elapsed seconds\n");
    return $code;
}

# Ends all running jobs, or the given ones, with their children: SIGTERM, and after two seconds SIGKILL.
sub end_jobs {
    my @groups = map { -$_ } @_ ? @_ : keys %running or return;
    kill('TERM', @groups);
    for (1 .. 40) {
        1 while waitpid(-1, WNOHANG) > 0;
        @groups = grep { kill(0, $_) } @groups or last;
        select(undef, undef, undef, 0.05);
    }
    kill('KILL', @groups);
    %running = ();
}

# Ctrl-C and similar signals: ends the jobs, then this program by the same signal.
sub shut_down {
    my ($signal) = @_;
    end_jobs();
    print STDERR "run.pl: interrupted, all jobs were ended\n";
    $SIG{$signal} = 'DEFAULT';
    kill($signal, $$);
}

# Runs the jobs; returns how many failed.
sub run_all {
    my ($line) = @_;
    my ($failed, @jobs) = job_numbers($line);
    my $limit = jobs_at_a_time($line->{last} - $line->{first} + 1, $line->{options});
    if (($line->{options}{dry_run} // '') eq 'true') {
        my $count = @jobs;
        print "run.pl: $count job" . ($count == 1 ? q() : q(s)) . " on this machine, " . ($limit < $count ? $limit : $count)
            . " at a time; CPUs: " . cpu_count() . "\n";
        return 0;
    }
    watch_over(\&end_jobs);
    for my $job (@jobs) {
        if (keys %running >= $limit) { $failed++ if finish_one($line->{log}) != 0; }
        start($job, for_job($line->{log}, $job), for_job($line->{command}, $job));
    }
    while (%running) { $failed++ if finish_one($line->{log}) != 0; }
    return $failed;
}

setlocale(LC_ALL, 'C');
my $line = parse_command_line($usage);
$JobCommand::clean_up = \&end_jobs;
$SIG{CHLD} = 'DEFAULT';
# Keep signals ignored that nohup ignores.
for (qw(INT TERM HUP)) { $SIG{$_} = \&shut_down if ($SIG{$_} // '') ne 'IGNORE'; }
stop_if_failed($line, run_all($line));
