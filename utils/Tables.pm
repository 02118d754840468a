package Tables;

# Lines, blanks and ids as all tools take them (toolkit/io/text.py says it for Python), the rules of a data dir's tables,
# and the form of error messages. A blank is a space or a tab; everything is bytes.

use strict;
use warnings;
use Exporter qw(import);
use Fcntl qw(O_WRONLY O_CREAT O_EXCL O_TRUNC);
use File::Basename qw(basename);

our @EXPORT = qw(stop wrong_usage shown show_lines each_line listed_in keep_lines filter_tables finish write_list alike
                 look_alikes undrawable list_undrawable check_table check_tables clean_table);
our $program = basename($0);    # who says the errors

my $refused = qr/[\0\x0b\x0c\x1c-\x1f\r]/;
my $digits  = '(?:[0-9]+[.]?[0-9]*|[.][0-9]+)(?:[eE][-+]?[0-9]+)?';
my $plain_line = qr/^([!-~]+)(?:[ \t][ -~\t]*)?\n\z/;    # most lines are printable ASCII, the key first
my ($number, $level) = (qr/^$digits\z/, qr/^(?:inf|[-+]?$digits)\z/);
my %number_of = (    # fields of a line, at least and at most; of other tables two and more
    segments => [4, 4],
    reco2file_and_channel => [3, 3],
    map { $_ => [2, 2] }
        qw(utt2spk utt2dur utt2num_frames utt2num_samples utt2uniq utt2snr reco2dur spk2gender),
);
my @duration = (sub { $_[1] =~ $number && $_[1] > 0 && $_[1] < 1e9 }, 'expected a duration above 0 (seconds)');
my @count    = (sub { $_[1] =~ /^0*[1-9][0-9]{0,14}\z/ }, 'expected a whole number above 0');
my %rule_of  = (     # what the values of a table must be
    utt2dur               => \@duration,
    reco2dur              => \@duration,
    utt2num_frames        => \@count,
    utt2num_samples       => \@count,
    utt2snr               => [sub { $_[1] =~ $level }, 'expected an SNR in dB (inf: no noise)'],
    spk2gender            => [sub { $_[1] =~ /^[mf]\z/ }, 'expected the gender m or f'],
    reco2file_and_channel => [sub { $_[2] =~ /^[AB]\z/ }, 'expected the channel A or B'],
    segments              => [
        sub { $_[2] =~ $number && ($_[3] =~ $number && $_[3] > $_[2] && $_[3] < 1e9 || to_the_end($_[3])) },
        'expected utterance recording start end, with start >= 0 and end > start (seconds)'
    ],
);

# Is it Kaldi's way of saying that a segment goes on to the end of its recording?
sub to_the_end { return $_[0] =~ /^-1(?:[.]0*)?\z/ }

# A message with escapes for what cannot be seen, and not longer than a screen.
sub shown {
    my ($text) = @_;
    $text = substr($text, 0, 1000) . ' ...' if length $text > 1000;
    return $text if $text !~ /[^\n -~]/;
    if (!utf8::decode($text)) { return $text =~ s/([^\n -~])/sprintf('\\x%02x', ord $1)/ger; }
    my $marks = normalised($text) eq $text ? qr/(?!)/ : qr/\p{M}/;
    $text =~ s/([^[:print:]\n]|[^\S \n]|\p{Cf}|$marks)/$1 eq "\t" ? '\\t' : sprintf('\\u%04x', ord $1)/ge;
    utf8::encode($text);
    return $text;
}

sub normalised {
    require Unicode::Normalize;
    return Unicode::Normalize::NFC($_[0]);
}

sub show_lines { print shown($_) while <STDIN>; }

sub stop { print STDERR shown("$program: error: $_[0]\n"); exit 1; }

sub wrong_usage {
    my ($message, $usage) = @_;
    print STDERR shown("$program: error: $message\n"), $usage;
    exit 1;
}

# Opens a file, or standard input ("-"); with an error for what is none.
sub open_file {
    my ($path) = @_;
    my $handle;
    if ($path eq '-') { $handle = \*STDIN; }
    else {
        stop("$path: is a folder; expected a file") if -d $path;
        stop("$path: is a FIFO; expected a file") if -p _ && $path !~ m{^/(?:dev|proc)/};
        open($handle, '<', $path) or stop("cannot read $path: $!");
    }
    binmode($handle);
    return $handle;
}

# A line that was read from a file, without its end and, of the first, its byte order mark; $. is its number.
sub checked_line {
    my ($path, $line) = @_;
    my $name = $path eq '-' ? 'standard input' : $path;
    if ($. == 1) {
        stop("$name: is UTF-16 text; save it as UTF-8") if $line =~ /^(?:\xff\xfe|\xfe\xff)/;
        $line =~ s/^\xef\xbb\xbf//;
    }
    chomp $line;
    if ($line =~ tr/\0\x0b\x0c\r\x1c-\x1f//) {
        $line =~ s/\r\z//;
        stop(sprintf('%s:%d: holds the control character U+%04X; remove it', $name, $., ord $&)) if $line =~ $refused;
    }
    return $line;
}

# Calls back with every checked line of a file.
sub each_line {
    my ($path, $call) = @_;
    my $handle = open_file($path);
    while (my $line = <$handle>) {
        $call->(checked_line($path, $line));
    }
    close($handle);
}

# The first fields of the lines of a file, as the keys of a hash.
sub listed_in {
    my ($path) = @_;
    my %listed;
    my $handle = open_file($path);
    while (my $line = <$handle>) {
        if ($line =~ $plain_line) { $listed{$1} = 1; next; }
        $line = checked_line($path, $line);
        $line =~ /^[ \t]*([^ \t]+)/ or stop("$path:$.: expected 1 field(s) or more, got '$line'");
        $listed{$1} = 1;
    }
    close($handle);
    return \%listed;
}

# Prints to $out the lines of a file whose Nth field is listed, with $exclude the others.
sub keep_lines {
    my ($listed, $exclude, $number, $path, $out) = @_;
    my $before = $number - 1;
    my $plain = $number == 1 ? $plain_line : qr/^(?:[!-~]+[ \t]+){$before}([!-~]+)(?:[ \t][ -~\t]*)?\n\z/;
    my $handle = open_file($path);
    while (my $line = <$handle>) {
        if ($line =~ $plain) { print $out $line if $exclude xor $listed->{$1}; next; }
        $line = checked_line($path, $line);
        $line =~ /^[ \t]*(?:[^ \t]+[ \t]+){$before}([^ \t]+)/
            or stop("$path:$.: expected $number field(s) or more, got '$line'");
        print $out "$line\n" if $exclude xor $listed->{$1};
    }
    close($handle);
}

# Writes the lines of each file whose first field is in the file $list into a file of the same name in a folder.
sub filter_tables {
    my ($list, $folder, @paths) = @_;
    my $listed = listed_in($list);
    for my $path (@paths) {
        my $aside = "$folder/" . basename($path);
        open(my $out, '>', $aside) or stop("cannot write $aside: $!");
        keep_lines($listed, 0, 1, $path, $out);
        close($out) or stop("cannot write $aside: $!");
    }
}

# Closes standard output, which a program has written to.
sub finish { close(STDOUT) or stop("cannot write: $!"); }

# Writes files whole, all of them or none: [path, lines] each; "-" is standard output.
sub write_list {
    my (@files) = @_;
    my @asides;
    my $give_up = sub { unlink map { $_->[0] } @asides; stop($_[0]); };
    for my $file (@files) {
        my ($path, @lines) = @$file;
        if ($path eq '-') { print map { "$_\n" } @lines; finish(); next; }
        $give_up->('cannot write: the name of a file is empty') if $path eq '';
        # Of what stands in the place of a file, a device and the shell's >(...) are written into, and never replaced.
        my $special = -e $path && !-f _;
        $give_up->("cannot write $path: is a folder") if $special && -d _;
        $give_up->("cannot write $path: is not a file") if $special && $path !~ m{^/(?:dev|proc)/};
        my $aside = $special || $path =~ m{^/(?:dev|proc)/} ? $path : "$path.$$.tmp";
        unlink $aside if $aside ne $path;
        # Nobody's link is written through.
        sysopen(my $handle, $aside, O_WRONLY | ($aside ne $path ? O_CREAT | O_EXCL : O_TRUNC))
            or $give_up->("cannot write $path: $!");
        push @asides, [$aside, $path] if $aside ne $path;
        print($handle map { "$_\n" } @lines) && close($handle) or $give_up->("cannot write $path: $!");
    }
    for (@asides) {
        my ($aside, $path) = @$_;
        rename($aside, $path) or $give_up->("cannot write $path: $!");
    }
}

# Of the lines of comm -3, ids that look the same in both files: they differ in Unicode normalisation only.
sub alike {
    my (%seen, @complaints);
    for my $line (@_) {
        next if $line !~ /[^\t\n -~]/;
        my ($tab, $id) = $line =~ /^(\t?)(.*)$/;
        my $text = $id;
        my $key = utf8::decode($text) ? normalised($text) : $id;
        my $other = $seen{$key} // '';
        my $form = $key eq $text ? 'NFC' : 'NFD';
        push @complaints, "$id differs from $other->[1] only in Unicode normalisation ($form vs $other->[2])"
            if $other && $other->[0] ne $tab;
        $seen{$key} = [$tab, $id, $form];
    }
    return @complaints;
}

sub look_alikes { print map { "$_\n" } alike(<STDIN>); }

# Of enrolments that say *UTT SPEAKER, those for which there is none to draw, and why: "id why". Where they are drawn from
# another set ($elsewhere), only the form is looked at.
sub undrawable {
    my ($utt2spk, $enrolments, $elsewhere) = @_;
    my (%speaker, %size, @complaints);
    my $handle = open_file($utt2spk);
    while (my $line = <$handle>) {
        my ($utt, $speaker) = split(' ', $line);
        $speaker{$utt} = $speaker;
        $size{$speaker}++;
    }
    $handle = open_file($enrolments);
    while (my $line = <$handle>) {
        chomp $line;
        my ($id, $utt, $speaker, @more) = split(/[ \t]+/, $line =~ s/^[ \t]+|[ \t]+\z//gr);
        next if !defined $utt || $utt !~ s/^\*//;
        if (!defined $speaker || @more) { push @complaints, "$id expected *UTT SPEAKER, got: $line"; next; }
        next if $elsewhere;
        my $entry = "$id *$utt $speaker";
        if (!defined $speaker{$utt}) { push @complaints, "$entry: unknown utterance $utt"; next; }
        my $size = $size{$speaker} // 0;
        push @complaints, "$entry: speaker $speaker has no " . ($size ? 'other utterance' : 'utterance') . ' to draw'
            if $size == ($speaker{$utt} eq $speaker ? 1 : 0);
    }
    return @complaints;
}

sub list_undrawable { print map { "$_\n" } undrawable(@_); }

sub is_utf8 {
    my ($text) = @_;
    return $text !~ /[\x80-\xff]/ || utf8::decode($text) && $text !~ /[\x{D800}-\x{DFFF}]|[^\x{0}-\x{10FFFF}]/;
}

# The fields of a line of a table, the last with what follows; none where they are too few or too many.
sub fields_of {
    my ($line, $least, $most) = @_;
    my @fields = split(' ', $line, $least + 1);
    my $rest = @fields > $least ? pop @fields : '';
    return if @fields < $least || $rest ne '' && $most == $least;
    return @fields;
}

# What most lines of a table are like, of which nothing more need be checked; the key is captured.
my $seconds = qr/([!-~]+)[ \t]+[1-9][0-9]{0,7}(?:[.][0-9]+)?\n/;
my $whole   = qr/([!-~]+)[ \t]+[1-9][0-9]{0,14}\n/;
my %plain_of = (utt2dur => $seconds, reco2dur => $seconds, utt2num_samples => $whole, utt2num_frames => $whole);

sub plain_entry {
    my ($name, $least, $most) = @_;
    return $plain_of{$name} // ($most != $least ? qr/([!-~]+)[ \t]+[!-~][ -~\t]*\n/
        : $least == 2 && !$rule_of{$name} ? qr/([!-~]+)[ \t]+[!-~]+[ \t]*\n/ : qr/(?!)/);
}

# Prints the lines of a table that are well formed, without byte order mark, DOS line ends and blanks at their beginning.
sub clean_table {
    my ($path) = @_;
    my $name = basename($path);
    my ($least, $most) = @{ $number_of{$name} // [2, 9e99] };
    my $plain = plain_entry($name, $least, $most);
    my $handle = open_file($path);
    while (my $line = <$handle>) {
        if ($line =~ /\A$plain\z/) { print $line; next; }
        stop("$path: is UTF-16 text; save it as UTF-8") if $. == 1 && $line =~ /^(?:\xff\xfe|\xfe\xff)/;
        $line =~ s/^\xef\xbb\xbf// if $. == 1;
        $line =~ s/\r?\n?\z//;
        $line =~ s/^[ \t]+//;
        next if $line =~ $refused || !is_utf8($line);
        my @fields = fields_of($line, $least, $most) or next;
        print "$line\n" if $name ne 'segments' || $rule_of{segments}[0]->(@fields);
    }
}

# Are all lines of a file plain entries, their keys in order? Most tables are done with this, in half of the time.
sub is_plain {
    my ($path, $plain) = @_;
    open(my $handle, '<', $path) or return 0;
    my ($rest, $last) = ('', '');
    while (read($handle, my $block, 1 << 18)) {
        $block = $rest . $block;
        my $end = rindex($block, "\n") + 1;
        $rest  = substr($block, $end);
        $block = substr($block, 0, $end);
        while ($block =~ /\G$plain/gc) {
            return 0 if $1 le $last;
            $last = $1;
        }
        return 0 if (pos($block) // 0) != $end;
    }
    return $rest eq '' && $last ne '';
}

# Copies tables that are plain and in order into a folder; prints their names.
sub copy_ordered {
    my ($folder, @paths) = @_;
    require File::Copy;
    for my $path (@paths) {
        my $name = basename($path);
        my ($least, $most) = @{ $number_of{$name} // [2, 9e99] };
        next if $name eq 'segments' || !is_plain($path, plain_entry($name, $least, $most));
        File::Copy::copy($path, "$folder/$name") or stop("cannot copy $path: $!");
        print "$name\n";
    }
}

# Calls $say with what is wrong with a table of a data dir, "path:line: what", and $broken with the numbers of lines that
# are no entries of a table. With $order it must be sorted, with $open segments may have the end -1.
sub check_table {
    my ($path, $order, $open, $say, $broken) = @_;
    my $name = basename($path);
    my ($least, $most) = @{ $number_of{$name} // [2, 9e99] };
    my ($rule, $expected) = @{ $rule_of{$name} // [] };
    my ($last, %times) = ('');
    return if is_plain($path, plain_entry($name, $least, $most));
    # Of each kind ten are enough.
    my $bad = sub {
        my ($kind, $what) = @_;
        $say->("$path:$.: $what") if ++$times{$kind} <= 10;
    };
    my $malformed = sub { $bad->(@_); $broken->($.); };
    my $handle;
    if (!open($handle, '<', $path)) { $say->("$path: cannot be read: $!"); $broken->(0); return; }
    binmode($handle);
    $. = 0;
    my $line;
    while (defined($line = <$handle>)) {
        if ($. == 1 && $line =~ /^(?:\xff\xfe|\xfe\xff)/) { $malformed->('UTF', 'is UTF-16 text; save it as UTF-8'); last; }
        if ($. == 1 && $line =~ s/^\xef\xbb\xbf//) { $malformed->('BOM', 'begins with a byte order mark (U+FEFF)'); }
        if ($line !~ s/\n\z// && $order) { $bad->('end', 'no newline at the end of the last line'); }
        if ($line =~ s/\r\z//) {
            $malformed->('DOS', "ends with a carriage return (a DOS line end: sed -i 's/\\r\$//' $path)");
        }
        if ($line =~ $refused) { $malformed->('control', sprintf('holds the control character U+%04X', ord $&)); next; }
        if (!is_utf8($line)) { $malformed->('UTF-8', 'is not UTF-8'); next; }
        if ($line =~ /^[ \t]/) { $malformed->('blank', 'begins with a blank'); }
        my @fields = fields_of($line, $least, $most) or do {
            $malformed->('count', 'expected ' . ($least == $most ? '' : 'at least ') . "$least fields, got: $line");
            next;
        };
        if ($rule && !$rule->(@fields)) { $bad->('value', "$expected, got: $line"); }
        elsif ($name eq 'segments' && !$open && to_the_end($fields[3])) {
            $bad->('open', 'the end is -1, to the end of the recording; utils/fix_data_dir.sh '
                . ($path =~ s{/segments$}{}r) . ' writes the time there');
        }
        my $id = $fields[0];
        if ($id eq $last) { $bad->('twice', "duplicate id $id"); }
        elsif ($order && $id lt $last) {
            $bad->('order', "not sorted: id $id after $last (LC_ALL=C sort)");
        }
        $last = $id;
    }
    if (!$.) { $say->("$path: is empty"); $broken->(0); }
    for my $kind (sort keys %times) {
        $say->("$path:  ... and " . ($times{$kind} - 10) . " more like it ($kind)") if $times{$kind} > 10;
    }
    close($handle);
}

# Prints what is wrong with tables.
sub check_tables {
    my ($order, $open, @paths) = @_;
    check_table($_, $order, $open, sub { print "$_[0]\n" }, sub { }) for @paths;
}

binmode(STDOUT);

1;
