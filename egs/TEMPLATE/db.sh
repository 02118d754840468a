# Sourced by local/data.sh: where the corpora are. Set CORPORA to the folder that holds your downloads, or edit a line.
# An empty value means "not here": the recipe that needs it says so.
# shellcheck shell=bash disable=SC2034
CORPORA=${CORPORA:-downloads}

MINI=downloads/mini # made on the spot by egs/mini
SPEECHOCEAN762=${CORPORA}/speechocean762
VOXCELEB1=${CORPORA}/VoxCeleb1    # holds id10001/<video>/00001.wav, at most two folders in between
VOXCELEB1_LISTS=${VOXCELEB1}      # holds vox1_meta.csv and the trial lists, veri_test2.txt ...
MUSAN=${CORPORA}/musan
RIRS_NOISES=${CORPORA}/RIRS_NOISES
VOXSRC23=${CORPORA}/VoxSRC2023             # audio of the trials, at any depth
VOXSRC23_LIST=${VOXSRC23}/VoxSRC2023_val.txt
VOXCONVERSE=${CORPORA}/voxconverse_test_SV # holds trials_wo_overlap.txt and what it names
LIBRITTS_R=${CORPORA}/LibriTTS_R           # holds train-clean-100/<speaker>/<chapter>/*.wav, train-clean-360
LIBRILIGHT=${CORPORA}/librilight           # holds small/<speaker>/<book>/*.flac, or is small itself
NONSPEECH100=${CORPORA}/Nonspeech # n1.wav ... n100.wav
LIBRISPEECH=${CORPORA}/LibriSpeech
DNS_NOISE=${CORPORA}/DNS-Challenge    # holds datasets/noise or datasets_fullband/noise_fullband, or is such a folder
LIBRI2MIX_METADATA=${CORPORA}/LibriMix/metadata/Libri2Mix
LIBRI2MIX_TEST=${LIBRISPEECH}/libri2mix_test-clean_subset.csv # lines of libri2mix_test-clean.csv: what test_libri2mix is
LIBRI2TALKER=${CORPORA}/target_speaker_verification/egs/Libri2Mix/data # holds {tr,cv,tt}/{mix,aux,ref}.scp
WHAM_NOISE=${CORPORA}/wham_noise
ESC10=${CORPORA}/ESC-10
NOISEKUN=${CORPORA}/Noisekun
BLANKET=${CORPORA}/blanket
SONIC_PI=${CORPORA}/sonic-pi
MAX_AUDIO=${CORPORA}/MAX-Audio-Classifier
LIBROSA_DATA=${CORPORA}/librosa-data
OPENAIR=${CORPORA}/OpenAIR
REAL_ROOM_BRIRS=${CORPORA}/RealRoomBRIRs
SPATIALAUDIO_CLAP=${CORPORA}/spatialaudio-clap
