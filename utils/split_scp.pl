#!/usr/bin/env perl
# Splits a list into contiguous pieces of about equal size.

use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use lib dirname(abs_path(__FILE__));
use Tables;

my $usage = <<'END';
Usage: split_scp.pl [--utt2spk=<utt2spk>] in.scp out1.scp out2.scp ...
   or: split_scp.pl -j n-pieces piece [--one-based] [--utt2spk=<utt2spk>] in.scp [out.scp]
 e.g.: split_scp.pl wav.scp keys.1.scp keys.2.scp keys.3.scp
       split_scp.pl -j 8 0 wav.scp > first_of_eight.scp

The pieces' sizes differ by one line at most. With --utt2spk no speaker is split: pieces end where the speaker changes
that is nearest to an equal share. Pieces are counted from 0, with --one-based from 1. "-" is standard input or output.
No piece is left empty: more pieces than lines (or speakers) is an error, and then nothing is written.
END

sub bad { wrong_usage($_[0], $usage); }

my ($pieces, $piece, $one_based, $utt2spk) = (undef, undef, 0, undef);
while (@ARGV && $ARGV[0] =~ /^-./) {
    my $option = shift @ARGV;
    if    ($option eq '--help')            { print $usage; exit 0; }
    elsif ($option eq '--one-based')       { $one_based = 1; }
    elsif ($option =~ /^--utt2spk=(.+)$/)  { $utt2spk = $1; }
    elsif ($option eq '-j' && @ARGV >= 2)  { ($pieces, $piece) = splice(@ARGV, 0, 2); }
    else                                   { bad("unknown or incomplete option $option"); }
}
my ($input, @outputs) = @ARGV;
if (defined $pieces) {
    bad("-j takes two whole numbers, got $pieces and $piece") if "$pieces $piece" !~ /^\d{1,9} \d{1,9}\z/;
    my ($low, $high) = $one_based ? (1, $pieces) : (0, $pieces - 1);
    bad("piece $piece is not one of $low..$high") if $piece < $low || $piece > $high;
    bad("-j takes one list and at most one output") if !defined $input || @outputs > 1;
    $piece -= $low;
    @outputs = ('-') if !@outputs;
}
else {
    bad("expected a list and one output or more") if !@outputs;
    bad("--one-based goes with -j") if $one_based;
    $pieces = @outputs;
}

sub read_lines {
    my ($path) = @_;
    my @lines;
    each_line($path, sub { push @lines, $_[0] });
    return @lines;
}

# The lines grouped by speaker, in the order in which the speakers appear.
sub speakers_lines {
    my (@lines) = @_;
    my %speaker_of;
    for (read_lines($utt2spk)) {
        my @fields = split;
        stop("$utt2spk: expected 'utterance speaker', got '$_'") if @fields != 2;
        $speaker_of{$fields[0]} = $fields[1];
    }
    my (%lines_of, @speakers);
    for (@lines) {
        my ($utterance) = split;
        my $speaker = defined $utterance ? $speaker_of{$utterance} : undef;
        stop("$input: '$_' has no speaker in $utt2spk") if !defined $speaker;
        push @speakers, $speaker if !$lines_of{$speaker};
        push @{ $lines_of{$speaker} }, $_;
    }
    return map { $lines_of{$_} } @speakers;
}

# Where the pieces end, as indices into the units: at equal shares of the units' sizes, one unit or more each.
sub piece_ends {
    my (@sizes) = @_;
    my @until = (0);
    push @until, $until[-1] + $_ for @sizes;
    my ($end, @ends) = (0);
    for my $k (1 .. $pieces) {
        my $share = $until[-1] * $k / $pieces;
        $end++;
        $end++ while $end < @sizes - ($pieces - $k) && abs($until[ $end + 1 ] - $share) <= abs($until[$end] - $share);
        push @ends, $end;
    }
    return @ends;
}

my @lines = read_lines($input);
my @units = defined $utt2spk ? speakers_lines(@lines) : map { [$_] } @lines;
my $kind  = defined $utt2spk ? 'speakers' : 'lines';
stop("$input: cannot make $pieces pieces of " . @units . " $kind; use fewer jobs") if $pieces > @units;

my $begin = 0;
my @ends  = piece_ends(map { scalar @$_ } @units);
my @files;
for my $k (0 .. $#ends) {
    my @piece_lines = map { @$_ } @units[ $begin .. $ends[$k] - 1 ];
    $begin = $ends[$k];
    next if defined $piece && $piece != $k;
    push @files, [$outputs[ defined $piece ? 0 : $k ], @piece_lines];
}
write_list(@files);
