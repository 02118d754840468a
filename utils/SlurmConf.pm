package SlurmConf;

# The config of slurm.pl: what submits a job, and what each option means to it. slurm.pl --help has the grammar.

use strict;
use warnings;
use Exporter qw(import);
use JobCommand qw(stop);
use Text::ParseWords qw(shellwords);

our @EXPORT = qw(read_config submit_words);

my $built_in = <<'END';
command sbatch --export=ALL
option name=* --job-name $0
option time=* --time $0
option mem=* --mem-per-cpu $0
option num_threads=* --cpus-per-task $0
option num_nodes=* --nodes $0 --ntasks-per-node 1
option gpu=0
option gpu=* --gres=gpu:$0
option partition=* --partition $0
option constraint=* --constraint $0
option account=* --account $0
option qos=* --qos $0
END

# The config: {command => [words], options => [[name, value or *, [words]], ...], default => {name => value}, file}.
# Without a named file it is conf/slurm.conf, and where that cannot be read what is built in.
sub read_config {
    my ($named) = @_;
    my %config = (default => {}, options => [], file => $named // 'conf/slurm.conf');
    my $text = $built_in;
    stop(1, "$config{file}: is a FIFO; expected a file") if -p $config{file} && $config{file} !~ m{^/(?:dev|proc)/};
    if (open(my $handle, '<', $config{file})) { local $/; $text = <$handle> // ''; }
    elsif (defined $named) { stop(1, "--config $named: $!"); }
    else { $config{file} = 'the built-in config'; }
    my ($number, %set_in) = (0);
    for (split /\n/, $text) {
        $number++;
        s/(?:^|\s)#.*//;
        next if !/\S/;
        my $set = read_config_line(\%config, $_) or stop(1, "$config{file}:$number: not understood: $_");
        $set_in{$set} = "$config{file}:$number: ";
    }
    stop(1, "$config{file}: line 'command sbatch ...' not found") if !$config{command};
    for my $name (sort keys %{ $config{default} }) {
        words_of_option(\%config, $name, $config{default}{$name}, $set_in{"default $name"});
    }
    return \%config;
}

# Takes a line in; returns what it sets, or nothing where it is not understood.
sub read_config_line {
    my ($config, $text) = @_;
    $text =~ /^\s*(command|option|default)\s+(?:([\w-]+)=(\S+)(?:\s+|$))?(.*?)\s*$/ or return;
    my ($kind, $name, $value, $rest) = ($1, $2 // '', $3, $4);
    $name =~ tr/-/_/;
    my @words = shellwords($rest);
    return if ($rest ne '' && !@words) || ($kind eq 'command') != ($name eq '');
    return if $kind eq 'command' ? $config->{command} || !@words : $kind eq 'default' && @words;
    return if $kind eq 'default' && $name eq 'max_jobs_run' && $value !~ /^[1-9]\d*$/;
    if    ($kind eq 'command') { $config->{command} = \@words; }
    elsif ($kind eq 'option')  { push @{ $config->{options} }, [$name, $value, \@words]; }
    else                       { $config->{default}{$name} = $value; }
    return "$kind $name";
}

# The sbatch words of an option, and its place in the config. $where: for messages, if a config has set the option.
sub words_of_option {
    my ($config, $name, $value, $where) = @_;
    return (0) if $name =~ /^(?:config|dry_run|max_jobs_run|pick|sync)$/;
    my ($code, $place, %known, %meanings) = (defined $where ? 1 : 255, 0);
    for my $option (@{ $config->{options} }) {
        $place++;
        $known{ $option->[0] } = 1;
        $meanings{ $option->[1] } = [$place, @{ $option->[2] }] if $option->[0] eq $name;
    }
    (my $shown = "--$name") =~ tr/_/-/;
    $where //= '';
    my $all = join(' ', map { tr/_/-/r } map { "--$_" } sort keys %known);
    stop($code, "${where}unknown option $shown; $config->{file} knows $all") if !$known{$name};
    my $meaning = $meanings{$value} // $meanings{'*'}
        // stop($code, "${where}option $shown $value: $config->{file} has no line for this value");
    my ($at, @words) = @$meaning;
    return $at, map { s/\$0/$value/gr } @words;
}

# The command that submits, with what the options ask for, in the order of the config.
sub submit_words {
    my ($config, $options) = @_;
    my @parts = map { [words_of_option($config, $_, $options->{$_})] } sort keys %$options;
    return @{ $config->{command} }, map { my ($at, @words) = @$_; @words } sort { $a->[0] <=> $b->[0] } @parts;
}

1;
