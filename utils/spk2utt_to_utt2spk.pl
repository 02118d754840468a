#!/usr/bin/env perl
# Turns "speaker utterance utterance ..." lines into "utterance speaker" lines.

use strict;
use warnings;

my $usage = <<'END';
Usage: spk2utt_to_utt2spk.pl [spk2utt] > utt2spk
 e.g.: spk2utt_to_utt2spk.pl data/train/spk2utt | LC_ALL=C sort > data/train/utt2spk

Utterances come out in the order of the input. Without a file, or with "-", reads standard input.
END

sub stop { print STDERR "spk2utt_to_utt2spk.pl: error: $_[0]\n"; exit 1; }

if (@ARGV && $ARGV[0] eq '--help') { print $usage; exit 0; }
if (@ARGV > 1) { print STDERR $usage; exit 1; }

my $path = @ARGV ? $ARGV[0] : '-';
my $handle = \*STDIN;
if ($path ne '-') { open($handle, '<', $path) or stop("cannot read $path: $!"); }

while (my $line = <$handle>) {
    chomp $line;
    my ($speaker, @utterances) = split(' ', $line);
    stop("$path:$.: expected 'speaker utterance ...', got '$line'") if !@utterances;
    print "$_ $speaker\n" for @utterances;
}
