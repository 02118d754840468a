#!/usr/bin/env perl
# Replaces words of a text by a map.

use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use lib dirname(abs_path(__FILE__));
use Tables;

my $usage = <<'END';
Usage: apply_map.pl [-f <field-range>] [--permissive] <map> < in > out
 e.g.: apply_map.pl -f 2 old2new_speaker < utt2spk > utt2spk.new
       apply_map.pl -f 2- words.map < text > text.mapped

A line of the map is a word and what replaces it: any number of words, also none. Every field of the input is replaced,
or with -f only some: 2 the second, 2-4 the second to the fourth, 2- from the second on, -4 the first four. A word that
is not in the map is an error; --permissive keeps it, and prints how many there were. Output fields are separated by one blank.
END

my ($permissive, $first, $last) = (0, 1, undef);
while (@ARGV && $ARGV[0] =~ /^-./) {
    my $option = shift @ARGV;
    if    ($option eq '--help')       { print $usage; exit 0; }
    elsif ($option eq '--permissive') { $permissive = 1; }
    elsif ($option eq '-f' && @ARGV && $ARGV[0] =~ /^(?:(\d{1,9})|(\d{0,9})-(\d{0,9}))\z/ && $ARGV[0] ne '-') {
        ($first, $last) = defined $1 ? ($1, $1) : ($2 eq '' ? 1 : $2, $3 eq '' ? undef : $3);
        wrong_usage("-f $ARGV[0]: fields are counted from 1, the first of a range comes first", $usage)
            if $first < 1 || (defined $last && $last < $first);
        shift @ARGV;
    }
    else { wrong_usage("bad option $option", $usage); }
}
if (@ARGV != 1) { print STDERR $usage; exit 1; }

my ($path) = @ARGV;
my %new_of;
each_line($path, sub {
    my ($word, @new) = split(' ', $_[0]);
    stop("$path:$.: expected a word and its replacement, got an empty line") if !defined $word;
    my $new = join(' ', @new);
    stop("$path:$.: duplicate word $word, with another replacement") if ($new_of{$word} // $new) ne $new;
    $new_of{$word} = $new;
});

my ($kept, $example) = (0, '');
each_line('-', sub {
    my @fields = split(' ', $_[0]);
    my $end = defined $last && $last < @fields ? $last : @fields;
    for my $field (@fields[ $first - 1 .. $end - 1 ]) {
        if    (defined $new_of{$field}) { $field = $new_of{$field}; }
        elsif ($permissive)             { $kept++; $example = $field; }
        else                            { stop("standard input:$.: $field is not in $path (--permissive keeps it)"); }
    }
    print join(' ', grep { $_ ne '' } @fields), "\n";
});
print STDERR shown("apply_map.pl: warning: kept $kept words that are not in $path, e.g. $example\n") if $kept;
finish();
