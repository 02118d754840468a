ALPHANUMERIC=${CORPORA}/alphanumeric-audio-dataset # holds audio_data/<kind of text>/<speaker>
