# shellcheck source=egs/TEMPLATE/db.d/librispeech.sh
. "$(dirname "${BASH_SOURCE[0]}")/librispeech.sh"
LIBRI2MIX_METADATA=${CORPORA}/LibriMix/metadata/Libri2Mix
LIBRI2MIX_TEST=${LIBRISPEECH}/libri2mix_test-clean_subset.csv # lines of libri2mix_test-clean.csv: what test_libri2mix is
