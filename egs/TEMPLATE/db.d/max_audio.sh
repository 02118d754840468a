MAX_AUDIO=${CORPORA}/MAX-Audio-Classifier
