LIBROSA_DATA=${CORPORA}/librosa-data
