# shellcheck shell=bash disable=SC2034
LIBRI2TALKER=${CORPORA}/target_speaker_verification/egs/Libri2Mix/data # holds {tr,cv,tt}/{mix,aux,ref}.scp
