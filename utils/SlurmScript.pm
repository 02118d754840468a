package SlurmScript;

# The script that slurm.pl submits, where it lies, and the end that it gives a log.

use strict;
use warnings;
use Cwd qw(getcwd);
use Exporter qw(import);
use File::Basename qw(basename dirname);
use JobCommand qw(quoted read_end);

our @EXPORT = qw(own_files script status_in_log);

# Where the script and Slurm's own log go: q/<base> beside the logs, above any folder that is named for a job.
sub own_files {
    my ($line) = @_;
    my $name = defined $line->{job_name} ? qr{\Q$line->{job_name}\E} : qr{(?!)};
    my $folder = dirname($line->{log});
    $folder = dirname($folder) while $folder =~ $name;
    (my $base = basename($line->{log})) =~ s/\.log$//;
    $base =~ s/[._-]?$name//g;
    return "$folder/q/" . ($base eq '' ? 'job' : $base);
}

# The script that sbatch gets: it writes the log of one job. What it puts after the output, status_in_log reads.
sub script {
    my ($line) = @_;
    my $name = $line->{job_name};
    my $folder = quoted(working_folder());
    my ($log, $command) = map { quoted($_) } $line->{log}, $line->{command};
    my $fill_in = defined $name ? "log=\${log//$name/\$job} command=\${command//$name/\$job}" : ':';
    return <<"END";
#!/usr/bin/env bash
# Written by slurm.pl: one job of the array, number (task id + \$1).
cd $folder || exit 1
if [ -f ./path.sh ]; then . ./path.sh; fi
set +eu
job=\$((\${SLURM_ARRAY_TASK_ID:-$line->{first}} + \${1:-0}))
log=$log
command=$command
$fill_in
{
    echo "# Running on \$(hostname)"
    echo "# Started at \$(LC_ALL=C date)"
    env | LC_ALL=C sort | sed -n 's/^SLURM_/# &/p'
    echo "# \${command//\$'\\n'/\$'\\n# '}"
} >"\$log" || exit 1
begin=\$(date +%s)
trap : TERM # Slurm asks the job to end; its log shall still be closed
trap '' USR1 # a program that does not expect this one goes on
bash -o pipefail -c "\$command" >>"\$log" 2>&1 </dev/null &
child=\$!
trap 'kill -USR1 \$child' USR1 # Slurm warns of the time limit (sbatch --signal)
wait \$child
status=\$?
while kill -0 \$child 2>/dev/null; do # a signal ended the wait
    wait \$child
    status=\$?
done
end=\$(date +%s)
[ -z "\$(tail -c 1 "\$log" | tr '\\0' .)" ] || echo >>"\$log"
id=\${SLURM_ARRAY_JOB_ID:-\$SLURM_JOB_ID}\${SLURM_ARRAY_TASK_ID:+_\$SLURM_ARRAY_TASK_ID}
printf '# Accounting: %s\\n' "job=\$id" "begin_time=\$begin" "end_time=\$end" \\
    "time=\$((end - begin)) threads=\${SLURM_CPUS_PER_TASK:-1}" >>"\$log"
echo "# Finished at \$(LC_ALL=C date) with status \$status" >>"\$log"
if [ "\$status" -eq 137 ]; then exit 100; fi
exit "\$status"
END
}

# The folder as the caller names it: where homes are mounted automatically, only that name works on other nodes.
sub working_folder {
    my @named = stat($ENV{PWD} // '');
    my @here = stat('.');
    return @named && "@named[0, 1]" eq "@here[0, 1]" ? $ENV{PWD} : getcwd();
}

# The status that the script of Slurm's job $id wrote at the end of the log, or undef while there is none. By the id it
# is not taken for the end of another log, which the command may have printed.
sub status_in_log {
    my ($log, $id) = @_;
    my $accounting = '# Accounting: ';
    my $times = "${accounting}begin_time=\\d+\n${accounting}end_time=\\d+\n${accounting}time=-?\\d+ threads=\\d+\n";
    return read_end($log) =~ /^${accounting}job=$id\n$times# Finished at [^\n]* with status (\d+)\n\z/m ? $1 : undef;
}

1;
