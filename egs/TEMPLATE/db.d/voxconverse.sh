VOXCONVERSE=${CORPORA}/voxconverse_test_SV # holds trials_wo_overlap.txt and what it names
