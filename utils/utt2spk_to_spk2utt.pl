#!/usr/bin/env perl
# Turns "utterance speaker" lines into "speaker utterance utterance ..." lines.

use strict;
use warnings;

my $usage = <<'END';
Usage: utt2spk_to_spk2utt.pl [utt2spk] > spk2utt
 e.g.: utt2spk_to_spk2utt.pl data/train/utt2spk > data/train/spk2utt

Speakers come out sorted (LC_ALL=C), each one's utterances in the order of the input. Without a file, or with "-",
reads standard input.
END

sub stop { print STDERR "utt2spk_to_spk2utt.pl: error: $_[0]\n"; exit 1; }

if (@ARGV && $ARGV[0] eq '--help') { print $usage; exit 0; }
if (@ARGV > 1) { print STDERR $usage; exit 1; }

my $path = @ARGV ? $ARGV[0] : '-';
my $handle = \*STDIN;
if ($path ne '-') { open($handle, '<', $path) or stop("cannot read $path: $!"); }

my (%seen, %utterances);
while (my $line = <$handle>) {
    chomp $line;
    my ($utterance, $speaker, @more) = split(' ', $line);
    stop("$path:$.: expected 'utterance speaker', got '$line'") if !defined $speaker || @more;
    stop("$path:$.: utterance $utterance stands twice") if $seen{$utterance}++;
    push @{ $utterances{$speaker} }, $utterance;
}
print "$_ @{ $utterances{$_} }\n" for sort keys %utterances;
