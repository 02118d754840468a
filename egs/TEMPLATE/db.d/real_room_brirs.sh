# shellcheck shell=bash disable=SC2034
REAL_ROOM_BRIRS=${CORPORA}/RealRoomBRIRs
