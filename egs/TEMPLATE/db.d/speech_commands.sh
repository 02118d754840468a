SPEECH_COMMANDS=${CORPORA}/speech_commands_test_set_v0.02
