VOXSRC23=${CORPORA}/VoxSRC2023 # audio of the trials, at any depth
VOXSRC23_LIST=${VOXSRC23}/VoxSRC2023_val.txt
