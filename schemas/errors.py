"""The root of every error that a user can fix.

UserError           show the message and end with exit status 2: it says what is wrong and what to do
├── SettingsError   the environment (streams.runtime.settings)
├── DocumentError   a YAML document, with every violation and its line (streams.runtime.documents)
└── ...             one subclass per reaction, next to the code that raises it
"""


class UserError(Exception):
    """Something the user can fix. The message says why, and what to do."""
