#!/usr/bin/env perl
# Keeps the lines of a table whose id is in a list.

use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use lib dirname(abs_path(__FILE__));
use Tables;

my $usage = <<'END';
Usage: filter_scp.pl [--exclude] [-f field] id-list [in.scp ...] > out.scp
 e.g.: filter_scp.pl dev_utts wav.scp > dev_wav.scp
       filter_scp.pl --exclude -f 2 bad_speakers utt2spk > good_utt2spk

Keeps, in order, the lines whose first field (-f 2: second, ...) is the first field of some line of id-list;
--exclude keeps the other lines. "-" is standard input, as is a missing in.scp.
END

my ($exclude, $field) = (0, 1);
while (@ARGV && $ARGV[0] =~ /^-./) {
    my $option = shift @ARGV;
    if    ($option eq '--help')                                     { print $usage; exit 0; }
    elsif ($option eq '--exclude')                                  { $exclude = 1; }
    elsif ($option eq '-f' && @ARGV && $ARGV[0] =~ /^[1-9]\d{0,3}\z/) { $field = shift @ARGV; }
    else  { wrong_usage("bad option $option", $usage); }
}
if (!@ARGV) { print STDERR $usage; exit 1; }

my $listed = listed_in(shift @ARGV);
for my $path (@ARGV ? @ARGV : '-') {
    keep_lines($listed, $exclude, $field, $path, \*STDOUT);
}
finish();
