#!/usr/bin/env perl
# Turns "utterance speaker" lines into "speaker utterance utterance ..." lines.

use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use lib dirname(abs_path(__FILE__));
use Tables;

my $usage = <<'END';
Usage: utt2spk_to_spk2utt.pl [utt2spk] > spk2utt
 e.g.: utt2spk_to_spk2utt.pl data/train/utt2spk > data/train/spk2utt

Speakers come out sorted (LC_ALL=C), each one's utterances in the order of the input. Without a file, or with "-",
reads standard input.
END

if (@ARGV && $ARGV[0] eq '--help') { print $usage; exit 0; }
if (@ARGV > 1) { print STDERR $usage; exit 1; }

my $path = @ARGV ? $ARGV[0] : '-';
my (%seen, %utterances);
each_line($path, sub {
    my ($utterance, $speaker) = $_[0] =~ /^[ \t]*([^ \t]+)[ \t]+([^ \t]+)[ \t]*\z/
        or stop("$path:$.: expected 'utterance speaker', got '$_[0]'");
    stop("$path:$.: duplicate utterance $utterance") if $seen{$utterance}++;
    push @{ $utterances{$speaker} }, $utterance;
});
print "$_ @{ $utterances{$_} }\n" for sort keys %utterances;
finish();
