DNS_NOISE=${CORPORA}/DNS-Challenge # holds datasets/noise or datasets_fullband/noise_fullband, or is such a folder
