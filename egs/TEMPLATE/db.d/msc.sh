MSC=${CORPORA}/msc # holds speech.tsv and the audio that it names
