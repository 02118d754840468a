#!/usr/bin/env perl
# Puts the lines of a list into a random order, the same one every time.

use strict;
use warnings;

my $usage = <<'END';
Usage: shuffle_list.pl [--srand <seed>] [in] > out
 e.g.: shuffle_list.pl --srand 3 utts | head -n 100 > some_utts

The order depends on the seed (a whole number, default 777) and on how many lines there are. Without a file, or with
"-", reads standard input.
END

sub stop { print STDERR "shuffle_list.pl: error: $_[0]\n"; exit 1; }

my $seed = 777;
while (@ARGV && $ARGV[0] =~ /^-./) {
    my $option = shift @ARGV;
    if    ($option eq '--help')                                   { print $usage; exit 0; }
    elsif ($option eq '--srand' && @ARGV && $ARGV[0] =~ /^\d+$/)  { $seed = shift @ARGV; }
    else  { print STDERR "shuffle_list.pl: error: bad option $option\n$usage"; exit 1; }
}
if (@ARGV > 1) { print STDERR $usage; exit 1; }

my $path = @ARGV ? $ARGV[0] : '-';
my $handle = \*STDIN;
if ($path ne '-') { open($handle, '<', $path) or stop("cannot read $path: $!"); }
chomp(my @lines = <$handle>);

# Fisher and Yates. List::Util's shuffle is another one in every version of perl.
srand($seed);
for my $i (reverse 1 .. $#lines) {
    my $j = int(rand($i + 1));
    @lines[ $i, $j ] = @lines[ $j, $i ];
}
print map { "$_\n" } @lines;
close(STDOUT) or stop("cannot write: $!");
