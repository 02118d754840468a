WHAM_NOISE=${CORPORA}/wham_noise
