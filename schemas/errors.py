"""The root of every error that a user can fix.

UserError                  print the message and end with exit status 2: it says what is wrong and what to do
├── SettingsError          the environment: every wrong variable (streams.runtime.settings)
├── DocumentError          a YAML document: every violation with its line (streams.runtime.documents)
│   └── PolicyError        the policy file (streams.policy_file)
├── RegistryUnavailable    the schema registry does not answer: a worker that runs tries again (schemas.registry)
├── NotRegistered          the schema registry lacks a schema: `leadloop schemas push` (schemas.registry)
├── RegistryRejected       the schema registry does not accept a schema (schemas.registry)
├── BrokerUnavailable      Kafka does not answer (workers.admin)
├── ImportFailure          an import cannot go on (workers.imports.errors)
├── NoEmbeddedBroker       the demo has no Kafka here (workers.demo.broker)
└── DemoFailed             a process of the demo ended too early (workers.demo.child_process)

Errors about one record are not among them: `schemas.codec.Undecodable` and `streams.domain.errors.Poison` send it to
the dead-letter topic, and the process goes on. Any other error is a bug: it keeps its traceback and ends the process.
"""


class UserError(Exception):
    """Something the user can fix. The message says what is wrong, and what to do."""
