#!/usr/bin/env perl
# Puts the lines of a list into a random order, the same one every time.

use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use lib dirname(abs_path(__FILE__));
use Tables;

my $usage = <<'END';
Usage: shuffle_list.pl [--srand <seed>] [in] > out
 e.g.: shuffle_list.pl --srand 3 utts | head -n 100 > some_utts

The order depends on the seed (a whole number of up to nine digits, default 777) and on how many lines there are. Without a file, or with
"-", reads standard input.
END

my $seed = 777;
while (@ARGV && $ARGV[0] =~ /^-./) {
    my $option = shift @ARGV;
    if    ($option eq '--help')                                   { print $usage; exit 0; }
    elsif ($option eq '--srand' && @ARGV && $ARGV[0] =~ /^\d{1,9}\z/)  { $seed = shift @ARGV; }
    else  { wrong_usage("bad option $option", $usage); }
}
if (@ARGV > 1) { print STDERR $usage; exit 1; }

my $path = @ARGV ? $ARGV[0] : '-';
my @lines;
each_line($path, sub { push @lines, $_[0] });

# Fisher-Yates, because List::Util's shuffle differs between versions of perl.
srand($seed);
for my $i (reverse 1 .. $#lines) {
    my $j = int(rand($i + 1));
    @lines[ $i, $j ] = @lines[ $j, $i ];
}
print map { "$_\n" } @lines;
finish();
