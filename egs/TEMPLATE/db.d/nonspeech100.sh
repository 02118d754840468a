NONSPEECH100=${CORPORA}/Nonspeech # n1.wav ... n100.wav
