#!/usr/bin/env perl
# Turns "speaker utterance utterance ..." lines into "utterance speaker" lines.

use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use lib dirname(abs_path(__FILE__));
use Tables;

my $usage = <<'END';
Usage: spk2utt_to_utt2spk.pl [spk2utt] > utt2spk
 e.g.: spk2utt_to_utt2spk.pl data/train/spk2utt | LC_ALL=C sort > data/train/utt2spk

Utterances come out in the order of the input. Without a file, or with "-", reads standard input.
END

if (@ARGV && $ARGV[0] eq '--help') { print $usage; exit 0; }
if (@ARGV > 1) { print STDERR $usage; exit 1; }

my $path = @ARGV ? $ARGV[0] : '-';
each_line($path, sub {
    my ($speaker, @utterances) = split(' ', $_[0]);
    stop("$path:$.: expected 'speaker utterance ...', got '$_[0]'") if !@utterances;
    print "$_ $speaker\n" for @utterances;
});
finish();
