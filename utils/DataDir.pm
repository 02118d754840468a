package DataDir;

# What validate_data_dir.sh checks: every table of a data dir by itself, then the tables against each other; and how
# fix_data_dir.sh cuts them down to what they share.

use strict;
use warnings;
use Tables;

my (%set, $dir, @errors, %broken);
my $audio = qr/[.](?:wav|flac|opus|ogg|mp3|aiff|aif|au|w64|sph)\z/i;

# Takes messages as errors, the first ten.
sub complain {
    my (@messages) = map { split /\n/ } @_;
    push @errors, @messages > 10 ? @messages[0 .. 9] : @messages;
    push @errors, '  ... and ' . (@messages - 10) . ' more of this kind' if @messages > 10;
}

# Calls back with every line of $dir/$name, without its end; $. is its number.
sub lines_of {
    my ($name, $call) = @_;
    open(my $handle, '<', "$dir/$name") or return;
    while (my $line = <$handle>) {
        chomp $line;
        $call->($line);
    }
}

# Complains of lines for which the condition does not hold; not of malformed ones, which check_table has named.
sub each_holds {
    my ($name, $condition, $rule) = @_;
    my ($malformed, @complaints) = ($broken{$name} // {});
    lines_of($name, sub {
        push @complaints, "$dir/$name:$.: $rule, got: $_[0]" if !$condition->($_[0]) && !$malformed->{$.};
    });
    complain(@complaints);
}

# Are all these tables there and without malformed lines?
sub comparable {
    my (@names) = @_;
    return !grep { !-f "$dir/$_" || $broken{$_} } @names;
}

# The sorted ids that stand in field $number, every one once.
sub ids_of {
    my ($name, $number) = @_;
    my @ids;
    lines_of($name, sub { push @ids, (split ' ', $_[0], $number + 1)[$number - 1] // '' });
    return sorted_once(@ids);
}

sub sorted_once {
    my (@ids) = @_;
    my $ordered = 1;
    for (1 .. $#ids) { $ordered &&= $ids[$_] gt $ids[$_ - 1] or last; }
    return \@ids if $ordered;
    my %seen;
    return [sort grep { !$seen{$_}++ } @ids];
}

# Entries of only one of two sorted lists, as comm -3 has them: those of the second list behind a tab.
sub odd_ones {
    my ($first, $second) = @_;
    my ($i, $j, @odd) = (0, 0);
    while ($i < @$first || $j < @$second) {
        my $order = $i == @$first ? 1 : $j == @$second ? -1 : $first->[$i] cmp $second->[$j];
        if    ($order < 0) { push @odd, $first->[$i++]; }
        elsif ($order > 0) { push @odd, "\t" . $second->[$j++]; }
        else               { $i++; $j++; }
    }
    return @odd;
}

# Complains of ids that stand in $ids, which are of the file $name, but not in $keys, which are of $owner, or the other
# way round.
sub same_keys {
    my ($name, $ids, $keys, $owner) = @_;
    my @odd = odd_ones($keys, $ids);
    complain(map { /^\t(.*)/ ? "$dir/$name: id $1 is not in $owner" : "$dir/$name: id $_ of $owner is missing" } @odd);
    complain(map { "$dir/$name: id $_" } alike(@odd));
}

# Whether a table has the ids of another in the same order, as most have.
sub has_keys {
    my ($name, $owner) = @_;
    open(my $handle, '<', "$dir/$name") or return 0;
    open(my $other,  '<', "$dir/$owner") or return 0;
    while (my $line = <$handle>) {
        my ($key) = (<$other> // return 0) =~ /^([^ \t\n]+)/ or return 0;
        return 0 if index($line, $key) || substr($line, length $key, 1) !~ tr/ \t//;
    }
    return eof($other);
}

sub check_required {
    my %remedy = (utt2spk => 'its lines are: utterance speaker', spk2utt => 'utils/fix_data_dir.sh makes it');
    for my $name (grep { !-f "$dir/$_" } @{ $set{required} }) {
        my $waiver = $name =~ s/[.]scp$//r;
        complain("$dir/$name: no such file; " . ($remedy{$name} // "--no-$waiver waives it"));
    }
}

sub check_text {
    my @complaints;
    lines_of('text', sub {
        my ($text) = @_;
        return if $text !~ /[^ -~\t]/;
        my $where = "$dir/text:$.:";
        if (!utf8::decode($text)) { push @complaints, "$where is not UTF-8"; }
        elsif ($text =~ /[^\S \t]/) { push @complaints, "$where holds the unusual blank " . sprintf('U+%04X', ord $&); }
        elsif (!$set{non_print} && $text =~ /[^[:print:]\t]/) {
            push @complaints, "$where holds the unprintable character " . sprintf('U+%04X', ord $&) . ' (allow such with --non-print)';
        }
    });
    complain(@complaints);
    each_holds('text', sub { $_[0] !~ /[ \t](?:<s>|<\/s>|#0)(?:[ \t]|\z)/ }, 'holds one of the reserved words <s> </s> #0');
}

sub check_each_file {
    for my $name (@{ $set{tables} }) {
        check_table("$dir/$name", 1, 0, sub { push @errors, @_ }, sub { $broken{$name}{ $_[0] } = 1 });
    }
    for my $name (grep { /[.]scp$/ } @{ $set{tables} }) {
        each_holds($name, sub { $_[0] !~ /[ \t]~/ }, '~ is not expanded in a path');
    }
    check_text() if -f "$dir/text";
}

# The files and arks of wav.scp are there; commands are not run, and offsets not looked at.
sub check_recordings {
    return if !$set{wav_check} || !-f "$dir/wav.scp";
    my ($count, %seen, @faults) = (0);
    lines_of('wav.scp', sub {
        my ($id, $path) = $_[0] =~ /^\s*(\S+)\s+(.*?\S)\s*$/ or return;
        return if $path =~ /\|$|^~/;
        $count++;
        $path =~ s/:\d+$// if !-e $path;
        my $fault = $seen{$path} //= -d $path ? 'is a folder' : -e _ ? '' : 'no such file';
        push @faults, "$dir/wav.scp:$.: id $id: $path: $fault" if $fault;
    });
    return if !@faults;
    require Cwd;
    my $more = @faults - 5;
    complain(
        "$dir/wav.scp: " . @faults . " of $count recordings are not there; fix the paths (they begin at " . Cwd::getcwd()
            . ') or the corpus path in db.sh, or waive this with --no-wav-check',
        @faults[0 .. ($more > 0 ? 4 : $#faults)],
        $more > 0 ? "  ... and $more more recordings that are not there" : ()
    );
}

sub check_speakers {
    return if !comparable('utt2spk');
    my (@complaints, $last);
    lines_of('utt2spk', sub {
        my (undef, $speaker) = split ' ', $_[0];
        push @complaints, "$dir/utt2spk:$.: not sorted by speaker: $speaker after $last "
            . '(begin utterance ids with the speaker id and a -, or waive it with --no-spk-sort)'
            if defined $last && $speaker lt $last;
        $last = $speaker;
    }) if $set{spk_sort};
    complain(@complaints);
    return if !comparable('spk2utt') || is_inverse();
    my (@pairs, @others);
    lines_of('utt2spk', sub { push @pairs, join ' ', split ' ', $_[0] });
    lines_of('spk2utt', sub {
        my ($speaker, @utts) = split ' ', $_[0];
        push @others, map { "$_ $speaker" } @utts;
    });
    my (%seen, @odd);
    for (odd_ones([sort @pairs], [sort @others])) {
        my ($utt) = split;
        push @odd, "$dir/spk2utt: does not agree with utt2spk about utterance $utt" if !$seen{$utt}++;
    }
    complain(@odd);
}

# Has spk2utt the utterances of utt2spk in the same order, as where utterance ids begin with the speaker's?
sub is_inverse {
    open(my $utt2spk, '<', "$dir/utt2spk") or return 0;
    open(my $spk2utt, '<', "$dir/spk2utt") or return 0;
    while (my $line = <$spk2utt>) {
        my ($speaker, @utts) = split ' ', $line;
        for (@utts) {
            my ($utt, $of) = split ' ', <$utt2spk> // return 0;
            return 0 if $utt ne $_ || $of ne $speaker;
        }
    }
    return eof($utt2spk);
}

# Whether the tables have the ids that stand in field $number of $owner, where both sides can be compared.
sub compare {
    my ($owner, $number, @names) = @_;
    return if !comparable($owner);
    my $keys;
    for my $name (grep { comparable($_) && !($number == 1 && has_keys($_, $owner)) } @names) {
        $keys //= ids_of($owner, $number);
        same_keys($name, ids_of($name, 1), $keys, $owner);
    }
}

sub check_key_sets {
    my @segments = -f "$dir/segments" ? 'segments' : ();
    compare('utt2spk', 1, @{ $set{utt} }, @segments);
    compare('spk2utt', 1, @{ $set{spk} });
    compare('segments', 2, @{ $set{reco} }) if @segments;
}

# How one comes by a stream.
sub remedy_of {
    my ($stream) = @_;
    return $stream =~ /^enroll_/ ? 'its lines are: utterance file, or for training: utterance *utterance speaker'
        : "stage 3 of the recipe renders it: python -m toolkit.bin.simulate_render --streams wav $stream";
}

# Is it a set of real recordings? They have enrolments of audio, and no stream of a mixture that someone has made.
sub is_real {
    my ($enrolments) = @_;
    my $drawn = 0;
    lines_of($enrolments, sub { $drawn ||= $_[0] =~ /^[ \t]*[^ \t]+[ \t]+\*/ });
    return !$drawn && $enrolments eq 'enroll_spk1.scp' && !grep { /^(?:spk|noise|dereverb)[0-9]+[.]scp$/ } @{ $set{tables} };
}

# The turns of speakers are well formed, and every recording has a line.
sub check_turns {
    return if !-f "$dir/rttm";
    my ($number, %seen) = qr/[0-9]+[.]?[0-9]*(?:[eE][-+]?[0-9]+)?|[.][0-9]+/;
    each_holds('rttm', sub {
        my ($type, $recording, @rest) = split ' ', $_[0];
        return 1 if !defined $type || $type =~ /^;;/;
        $seen{ $recording // '' } = 1;
        return $type ne 'SPEAKER' ? $type =~ /^[A-Z][A-Z_\/-]+$/ : @rest >= 6 && "$rest[1] $rest[2]" =~ /^$number $number\z/;
    }, 'expected SPEAKER <recording> 1 <onset> <duration> <NA> <NA> <speaker>, times in seconds');
    return if !comparable('wav.scp');
    complain(map { "$dir/rttm: lacks turns of $_; add them, or remove the file" } grep { !$seen{$_} } @{ ids_of('wav.scp', 1) });
}

# The required streams of a mixture set, their numbers, and that enrolments can be drawn.
sub check_streams {
    for my $name (grep { !-f "$dir/$_.scp" } @{ $set{streams} }) {
        complain("$dir/$name.scp: no such stream; " . remedy_of($name));
    }
    my @tables = sort @{ $set{tables} };
    for my $name (grep { /^(?:spk|noise)[0-9]+[.]scp$/ } @tables) {
        my ($kind, $n) = $name =~ /^([a-z]+)([0-9]+)/;
        my $before = $kind . ($n - 1) . '.scp';
        complain("$dir/$name: $before not found; streams are numbered from 1, without gaps") if $n ne '1' && !-f "$dir/$before";
    }
    for my $name (grep { /^enroll_spk[0-9]+[.]scp$/ } @tables) {
        my ($speech) = $name =~ /^enroll_(spk[0-9]+)/;
        complain("$dir/$name: $speech.scp not found, the speech to extract; " . remedy_of($speech))
            if !-f "$dir/$speech.scp" && !is_real($name);
        each_holds($name, sub { $_[0] =~ /^[ \t]*[^ \t]+[ \t]+\*/ || $_[0] =~ $audio || $_[0] =~ /(?:[.]npy|:[0-9]+|\|)[ \t]*\z/ },
            'expected an audio file, file.ark:offset, an embedding (.npy), or *UTT SPEAKER');
        next if !comparable('utt2spk', $name);
        my @complaints = undrawable("$dir/utt2spk", "$dir/$name", $set{elsewhere});
        complain(map { my ($id, $why) = split / /, $_, 2; "$dir/$name: id $id: $why" } @complaints);
    }
}

# The mixtures of a plan are the utterances. A folder has the plan's lines behind their ids, and what is wrong with others.
sub check_plan {
    return if $set{plan} eq '';
    my ($plan, $bad) = ("$set{plan}/plan", "$set{plan}/bad");
    open(my $handle, '<', $bad) or stop("cannot read $bad: $!");
    complain(<$handle>);
    open($handle, '<', $plan) or stop("cannot read $plan: $!");
    my (%times, @ids, @twice);
    while (<$handle>) {
        my ($id) = split / /, $_, 2;
        my $seen = $times{$id}++;
        push @ids, $id if !$seen;
        push @twice, "$dir/mix.jsonl: duplicate id $id" if $seen == 1;
    }
    complain(@twice);
    same_keys('mix.jsonl', sorted_once(@ids), ids_of('utt2spk', 1), 'utt2spk') if comparable('utt2spk');
}

# The number of lines of a file; and the last one.
sub count {
    my ($name) = @_;
    my ($number, $last) = (0);
    lines_of($name, sub { $number++; $last = $_[0]; });
    return ($number, $last);
}

# Checks the data dir and says what is wrong with it, or how large it is. Arguments are NAME=VALUE of a setting; in lists
# the values are separated by blanks.
sub validate {
    my %lists = map { $_ => 1 } qw(required tables utt spk reco streams);
    for (@_) {
        my ($name, $value) = split /=/, $_, 2;
        $set{$name} = $lists{$name} ? [split ' ', $value] : $value eq 'false' ? '' : $value;
    }
    $dir = $set{dir};
    check_required();
    check_each_file();
    check_recordings();
    check_speakers();
    check_key_sets();
    check_streams();
    check_turns();
    check_plan();
    my $program = $Tables::program;
    if (@errors) {
        print STDERR map { shown("$program: error: $_\n") } @errors;
        print STDERR shown("$program: tables with malformed lines were not compared with others; fix those first\n") if %broken;
        print STDERR shown("$program: $set{fix} $dir sorts tables, drops malformed lines, duplicates and ids that others lack\n");
        exit 1;
    }
    my ($utterances) = count('utt2spk');
    my ($speakers, $line) = count('spk2utt');
    print STDERR shown("$program: warning: $dir has only one speaker: " . (split ' ', $line)[0] . "\n") if $speakers == 1;
    print shown("$program: $dir is a valid data dir: $utterances utterances, $speakers speakers\n");
}

# Cuts the sorted ids of a file (of $what) down to those of standard input (which are those of $owner).
sub keep_only {
    my ($list, $what, $owner) = @_;
    my @ids = <STDIN>;
    chomp @ids;
    my $kept = lines_in($list);
    write_list([$list, @{ common($kept, \@ids, $what, $owner) }]);
}

# Cuts the sorted ids of a file (of $what) down to those that all of these sorted tables of a folder have.
sub keep_common {
    ($dir, my ($list, $what, @names)) = @_;
    my $kept = lines_in($list);
    for my $name (@names) {
        $kept = common($kept, ids_of($name, 1), $what, $name);
    }
    write_list([$list, @$kept]);
}

sub lines_in {
    my ($path) = @_;
    open(my $handle, '<', $path) or stop("cannot read $path: $!");
    chomp(my @lines = <$handle>);
    return \@lines;
}

# What two sorted lists share; says how many of the first are lost.
sub common {
    my ($first, $second, $what, $owner) = @_;
    my @odd = odd_ones($first, $second);
    my @lost = grep { !/^\t/ } @odd;
    return $first if !@lost;
    print shown("$Tables::program: " . @lost . " $what not in $owner, e.g. $lost[0]\n");
    my ($alike) = alike(@odd);
    print shown("$Tables::program: $alike\n") if defined $alike;
    my %is_lost = map { $_ => 1 } @lost;
    return [grep { !$is_lost{$_} } @$first];
}

1;
