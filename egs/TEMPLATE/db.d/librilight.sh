LIBRILIGHT=${CORPORA}/librilight # holds small/<speaker>/<book>/*.flac, or is small itself
