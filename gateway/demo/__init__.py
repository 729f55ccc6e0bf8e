"""The guided tour: a gateway, simulated banks and a trace receiver of their own, real calls, and what came of them.

Everything lives in one folder and dies with the tour. `stage` puts it up; `steps` are what is shown, each with what
must be true; `tour` runs them. The calls go through the doors that users have, never through the engine's inside.
"""
