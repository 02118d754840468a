LIBRI2TALKER=${CORPORA}/target_speaker_verification/egs/Libri2Mix/data # holds {tr,cv,tt}/{mix,aux,ref}.scp
