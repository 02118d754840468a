#!/usr/bin/env perl
# Keeps the lines of a table whose id stands in a list.

use strict;
use warnings;

my $usage = <<'END';
Usage: filter_scp.pl [--exclude] [-f field] id-list [in.scp ...] > out.scp
 e.g.: filter_scp.pl dev_utts wav.scp > dev_wav.scp
       filter_scp.pl --exclude -f 2 bad_speakers utt2spk > good_utt2spk

Keeps, in order, the lines whose first field (-f 2: second, ...) is the first field of some line of id-list;
--exclude keeps the other lines. "-" is standard input, as is a missing in.scp.
END

sub stop { print STDERR "filter_scp.pl: error: $_[0]\n"; exit 1; }

my ($exclude, $field) = (0, 1);
while (@ARGV && $ARGV[0] =~ /^-./) {
    my $option = shift @ARGV;
    if    ($option eq '--help')                                     { print $usage; exit 0; }
    elsif ($option eq '--exclude')                                  { $exclude = 1; }
    elsif ($option eq '-f' && @ARGV && $ARGV[0] =~ /^[1-9]\d*$/)    { $field = shift @ARGV; }
    else  { print STDERR "filter_scp.pl: error: bad option $option\n$usage"; exit 1; }
}
if (!@ARGV) { print STDERR $usage; exit 1; }

# Calls back with (line, its fields) for every line that has enough fields; other lines are an error.
sub for_each_line {
    my ($path, $least, $call) = @_;
    my $handle;
    if ($path eq '-') { $handle = \*STDIN; }
    else              { open($handle, '<', $path) or stop("cannot read $path: $!"); }
    while (my $line = <$handle>) {
        chomp $line;
        my @fields = split(' ', $line, $least + 1);
        my $enough = @fields >= $least && $fields[ $least - 1 ] ne '';
        stop("$path:$.: expected $least field(s) or more, got '$line'") if !$enough;
        $call->($line, @fields);
    }
    close($handle);
}

my %listed;
for_each_line(shift @ARGV, 1, sub { $listed{ $_[1] } = 1; });
for my $path (@ARGV ? @ARGV : '-') {
    for_each_line($path, $field, sub { print "$_[0]\n" if $exclude xor $listed{ $_[$field] }; });
}
