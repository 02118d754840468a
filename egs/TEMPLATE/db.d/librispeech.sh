LIBRISPEECH=${CORPORA}/LibriSpeech # holds train-clean-100, ..., and SPEAKERS.TXT
