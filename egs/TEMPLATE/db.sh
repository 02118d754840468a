# Sourced by local/data.sh: where the corpora are. Set CORPORA to the folder that holds your downloads, or edit a line.
# An empty value means "not here": the recipe that needs it says so.
# shellcheck shell=bash disable=SC2034
CORPORA=${CORPORA:-downloads}

MINI=downloads/mini # made on the spot by egs/mini
SPEECHOCEAN762=${CORPORA}/speechocean762
LIBRISPEECH=${CORPORA}/LibriSpeech
ESC10=${CORPORA}/ESC-10
NOISEKUN=${CORPORA}/Noisekun
BLANKET=${CORPORA}/blanket
SONIC_PI=${CORPORA}/sonic-pi
MAX_AUDIO=${CORPORA}/MAX-Audio-Classifier
LIBROSA_DATA=${CORPORA}/librosa-data
OPENAIR=${CORPORA}/OpenAIR
REAL_ROOM_BRIRS=${CORPORA}/RealRoomBRIRs
SPATIALAUDIO_CLAP=${CORPORA}/spatialaudio-clap
