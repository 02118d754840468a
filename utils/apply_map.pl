#!/usr/bin/env perl
# Replaces words of a text by what a map says.

use strict;
use warnings;

my $usage = <<'END';
Usage: apply_map.pl [-f <field-range>] [--permissive] <map> < in > out
 e.g.: apply_map.pl -f 2 old2new_speaker < utt2spk > utt2spk.new
       apply_map.pl -f 2- words.map < text > text.mapped

A line of the map is a word and what replaces it: any number of words, also none. Every field of the input is replaced,
or with -f only some: 2 the second, 2-4 the second to the fourth, 2- from the second on, -4 the first four. A word that
is not in the map is an error; --permissive keeps it, and says how many there were. Fields come out one blank apart.
END

sub stop { print STDERR "apply_map.pl: error: $_[0]\n"; exit 1; }

sub wrong_usage { print STDERR "apply_map.pl: error: $_[0]\n$usage"; exit 1; }

my ($permissive, $first, $last) = (0, 1, undef);
while (@ARGV && $ARGV[0] =~ /^-./) {
    my $option = shift @ARGV;
    if    ($option eq '--help')       { print $usage; exit 0; }
    elsif ($option eq '--permissive') { $permissive = 1; }
    elsif ($option eq '-f' && @ARGV && $ARGV[0] =~ /^(?:(\d+)|(\d*)-(\d*))$/ && $ARGV[0] ne '-') {
        ($first, $last) = defined $1 ? ($1, $1) : ($2 eq '' ? 1 : $2, $3 eq '' ? undef : $3);
        wrong_usage("-f $ARGV[0]: fields are counted from 1, the first of a range comes first")
            if $first < 1 || (defined $last && $last < $first);
        shift @ARGV;
    }
    else { wrong_usage("bad option $option"); }
}
if (@ARGV != 1) { print STDERR $usage; exit 1; }

my ($path) = @ARGV;
my %new_of;
open(my $map, '<', $path) or stop("cannot read $path: $!");
while (my $line = <$map>) {
    my ($word, @new) = split(' ', $line);
    stop("$path:$.: expected a word and what replaces it, got an empty line") if !defined $word;
    my $new = join(' ', @new);
    stop("$path:$.: $word stands twice, with different replacements") if ($new_of{$word} // $new) ne $new;
    $new_of{$word} = $new;
}

my ($kept, $example) = (0, '');
while (my $line = <STDIN>) {
    my @fields = split(' ', $line);
    my $end = defined $last && $last < @fields ? $last : @fields;
    for my $field (@fields[ $first - 1 .. $end - 1 ]) {
        if    (defined $new_of{$field}) { $field = $new_of{$field}; }
        elsif ($permissive)             { $kept++; $example = $field; }
        else                            { stop("standard input:$.: $field is not in $path (--permissive keeps it)"); }
    }
    print join(' ', grep { $_ ne '' } @fields), "\n";
}
print STDERR "apply_map.pl: warning: kept $kept words that are not in $path, e.g. $example\n" if $kept;
close(STDOUT) or stop("cannot write: $!");
