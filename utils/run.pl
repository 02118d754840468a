#!/usr/bin/env perl
# Runs a command, or numbered copies of it, on this machine; every copy writes its own log.

use strict;
use warnings;
use File::Basename qw(dirname);
use File::Path qw(make_path);
use POSIX qw(:signal_h :sys_wait_h setlocale LC_ALL strftime);

my $usage = <<'END';
Usage: run.pl [options] [JOB=1:n] log-file command [arguments...]
 e.g.: run.pl --max-jobs-run 4 JOB=1:20 exp/log/count.JOB.log wc -l data/split/text.JOB
       run.pl exp/log/sort.log gunzip -c a.gz \| sort \> a.txt

Runs the command with JOB (any name will do) replaced by 1, 2, ... n, in the log-file's name and in the command.
Arguments reach the command as given. An argument that is a shell operator on its own (\| \> \>\> \< 2\>\&1 \; \&\& ...)
acts as one; a pipe fails when any part of it fails. Standard input is empty.

Options, before or after JOB=1:n:
  --max-jobs-run n, -tc n  at most n copies at a time (default: as many as there are CPUs, or all of them
                           where they are fewer than 1.4 times the CPUs)
  --gpu n                  every copy needs n GPUs: no more copies at a time than the GPUs of nvidia-smi -L allow
  --pick all|failed|incomplete
                           judged by the logs of an earlier run: run all copies (default), those that failed or did not
                           end, or those that did not end (a failed one still counts as a failure)
  accepted, for the schedulers: --config f --mem 2G --num-threads n --time t --name s --num-nodes n, other --x value,
                           -V, -pe smp n, -sync y, -q x

Exit code: 0 all copies succeeded, 1 one or more failed, 255 wrong options.
END

my $max_jobs_run;
my $gpus_per_job = 0;
my $pick         = 'all';
my ($job_name, $first, $last) = (undef, 1, 1);
my $signals = POSIX::SigSet->new(SIGINT, SIGTERM, SIGHUP);
my %running;    # process id -> [job, start time]

sub stop {
    my ($code, $message) = @_;
    end_jobs();
    print STDERR "run.pl: $message\n";
    exit $code;
}

sub option_value {
    my ($option) = @_;
    stop(255, "option $option needs a value") if !@ARGV || $ARGV[0] eq '' || $ARGV[0] =~ /^--/;
    return shift @ARGV;
}

sub whole_number {
    my ($option, $least) = @_;
    my $value = option_value($option);
    stop(255, "option $option needs a whole number from $least up, got $value") if $value !~ /^\d+$/ || $value < $least;
    return $value;
}

sub parse_option {
    my $option = shift @ARGV;
    if ($option eq '--help') { print $usage; exit 0; }
    $option =~ tr/_/-/;
    if ($option eq '--max-jobs-run' || $option eq '-tc') { $max_jobs_run = whole_number($option, 1); }
    elsif ($option eq '--gpu')  { $gpus_per_job = whole_number($option, 0); }
    elsif ($option eq '--pick') { $pick         = option_value($option); }
    elsif ($option eq '-pe')    { option_value($option) for 1 .. 2; }
    elsif ($option ne '-V')     { option_value($option); }
    stop(255, "option --pick takes all, failed or incomplete, got $pick") if $pick !~ /^(all|failed|incomplete)$/;
}

sub parse_job_range {
    my $range = shift @ARGV;
    stop(255, "two job ranges: $job_name=$first:$last and $range") if defined $job_name;
    stop(255, "bad job range $range, expected e.g. JOB=1:20") if $range !~ /^(\w+)=(\d+)(?::(\d+))?$/;
    ($job_name, $first, $last) = ($1, $2, defined $3 ? $3 : $2);
    stop(255, "bad job range $range: jobs are numbered from 1") if $first < 1;
    stop(255, "bad job range $range: it ends before it starts") if $last < $first;
}

sub parse_arguments {
    while (@ARGV) {
        if    ($ARGV[0] =~ /^-/)                      { parse_option(); }
        elsif ($ARGV[0] =~ /^[A-Za-z_]\w*=[-.,:\d]*$/) { parse_job_range(); }
        else                                          { last; }
    }
    if (@ARGV < 2) { print STDERR $usage; exit 1; }
    my $log = shift @ARGV;
    stop(1, "the log-file's name must contain $job_name, else all jobs would write to $log")
        if $last > $first && index($log, $job_name) < 0;
    return $log, join(' ', map { shell_word($_) } @ARGV);
}

# One argument as a word of the shell: operators stay operators, all else arrives literally.
sub shell_word {
    my ($word) = @_;
    my $plain = qr{[\w@%+=:,./^-]};
    return $word if $word =~ m{\A$plain+\z};
    return $word if $word =~ m{\A(?:[|&;()]|\|\||&&|\|&)\z};
    return $word if $word =~ m{\A(?:\d*|&)(?:>>|>&|>\||<&|>|<)$plain*\z};
    $word =~ s/'/'\\''/g;
    return "'$word'";
}

sub for_job {
    my ($template, $job) = @_;
    $template =~ s/\Q$job_name\E/$job/g if defined $job_name;
    return $template;
}

sub cpu_count {
    # nproc would take these for the number of CPUs, and path.sh sets the first.
    local %ENV = %ENV;
    delete @ENV{qw(OMP_NUM_THREADS OMP_THREAD_LIMIT)};
    chomp(my $count = `nproc 2>/dev/null || getconf _NPROCESSORS_ONLN 2>/dev/null` || 1);
    return $count;
}

sub gpu_count {
    my @lines = grep { /^GPU \d+/ } `nvidia-smi -L 2>/dev/null`;
    stop(1, "--gpu $gpus_per_job: nvidia-smi -L shows no GPU on this machine; use --gpu 0, or --max-jobs-run n")
        if !@lines;
    return scalar @lines;
}

sub jobs_at_a_time {
    my ($jobs) = @_;
    return $max_jobs_run if defined $max_jobs_run;
    if ($gpus_per_job > 0) {
        my $gpus = gpu_count();
        stop(1, "--gpu $gpus_per_job: this machine has only $gpus") if $gpus_per_job > $gpus;
        return int($gpus / $gpus_per_job);
    }
    my $cpus = cpu_count();
    return $jobs < 1.4 * $cpus ? $jobs : $cpus;
}

# How the job of an earlier run ended: its exit code, or undef where it did not.
sub logged_code {
    my ($log) = @_;
    open(my $handle, '<', $log) or return undef;
    my $size = -s $handle;
    seek($handle, $size > 1000 ? $size - 1000 : 0, 0);
    my $end = do { local $/; <$handle> };
    return defined $end && $end =~ /^# Ended \(code (\d+)[^\n]*\n\z/m ? $1 : undef;
}

sub now { return strftime('%a %b %e %H:%M:%S %Z %Y', localtime) }

sub write_log {
    my ($mode, $log, $text) = @_;
    open(my $handle, $mode, $log) or stop(1, "cannot write the log-file $log: $!");
    print $handle $text;
    close($handle) or stop(1, "cannot write the log-file $log: $!");
}

sub start {
    my ($job, $log, $command) = @_;
    eval { make_path(dirname($log)); 1 } or stop(1, "cannot make the folder of the log-file $log");
    (my $comment = $command) =~ s/\n/\n# /g;
    write_log('>', $log, "# $comment\n# Started at " . now() . "\n#\n");
    # No signal may fall between the start of a process and its entry in the books.
    sigprocmask(SIG_BLOCK, $signals);
    my $pid = fork();
    stop(1, "cannot start a process: $!") if !defined $pid;
    execute($log, $command) if $pid == 0;
    POSIX::setpgid($pid, $pid);
    $running{$pid} = [$job, time];
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

sub ends_in_mid_line {
    my ($log) = @_;
    open(my $handle, '<', $log) or return 0;
    seek($handle, -1, 2);
    return (getc($handle) // "\n") ne "\n";
}

# Ends all running jobs with everything they started: asks them, and after two seconds makes them.
sub end_jobs {
    my @groups = map { -$_ } keys %running or return;
    kill('TERM', @groups);
    for (1 .. 40) {
        1 while waitpid(-1, WNOHANG) > 0;
        @groups = grep { kill(0, $_) } @groups or last;
        select(undef, undef, undef, 0.05);
    }
    kill('KILL', @groups);
    %running = ();
}

# Ctrl-C and the like: ends the jobs, then dies of the same signal.
sub shut_down {
    my ($signal) = @_;
    end_jobs();
    print STDERR "run.pl: interrupted, all jobs were ended\n";
    $SIG{$signal} = 'DEFAULT';
    kill($signal, $$);
}

sub run_all {
    my ($log_name, $command) = @_;
    my ($failed, $limit) = (0, jobs_at_a_time($last - $first + 1));
    for my $job ($first .. $last) {
        my $log = for_job($log_name, $job);
        if ($pick ne 'all') {
            my $code = logged_code($log);
            if (defined $code && ($code == 0 || $pick eq 'incomplete')) {
                $failed++ if $code != 0;
                next;
            }
        }
        if (keys %running >= $limit) { $failed++ if finish_one($log_name) != 0; }
        start($job, $log, for_job($command, $job));
    }
    while (%running) { $failed++ if finish_one($log_name) != 0; }
    return $failed;
}

setlocale(LC_ALL, 'C');
my ($log_name, $command) = parse_arguments();
$SIG{CHLD} = 'DEFAULT';
# What nohup and the like ignore stays ignored.
for (qw(INT TERM HUP)) { $SIG{$_} = \&shut_down if ($SIG{$_} // '') ne 'IGNORE'; }
my $failed = run_all($log_name, $command);
if ($failed) {
    my $jobs = $last - $first + 1;
    my $what = $jobs == 1 ? 'job failed' : "$failed / $jobs failed";
    my $logs = $jobs == 1 ? for_job($log_name, $first) : for_job($log_name, '*');
    stop(1, "$what, log is in $logs");
}
