"""All targets, listed by hand."""

from tests.fuzz import answers, calls, credentials, files, messages

TARGETS = (*files.targets(), *credentials.targets(), *answers.targets(), *calls.targets(), *messages.targets())
