import asyncio
import json
import sys

from .control import obey_all
from .habits import Habits

asyncio.run(obey_all(sys.argv[1], Habits.of(json.loads(sys.argv[2]))))
