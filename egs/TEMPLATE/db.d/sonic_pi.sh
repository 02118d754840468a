SONIC_PI=${CORPORA}/sonic-pi
