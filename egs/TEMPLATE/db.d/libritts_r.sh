LIBRITTS_R=${CORPORA}/LibriTTS_R # holds train-clean-100/<speaker>/<chapter>/*.wav, train-clean-360
