"""Target speaker extraction: a mixture and an enrolment of one speaker to that speaker's speech."""
