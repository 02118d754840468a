SPATIALAUDIO_CLAP=${CORPORA}/spatialaudio-clap
