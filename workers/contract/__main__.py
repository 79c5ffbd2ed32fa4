"""`python -m workers.contract DIR`: writes the documents of the contract, with the ids of the bundled catalogue."""

import sys
from pathlib import Path

from schemas.catalogue import Catalogue
from workers.contract.contract_files import documents, write

if __name__ == "__main__":
    write(documents(Catalogue.bundled()), Path(sys.argv[1]))
