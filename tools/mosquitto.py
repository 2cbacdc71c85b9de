"""The broker that a community runs, as installed on this machine: for tests and bench."""

from firegrid_sim.broker import Broker
from left_out import find

_CONFIG = """\
listener {port} 127.0.0.1
allow_anonymous true
persistence false
log_type none
set_tcp_nodelay true
"""


class Mosquitto(Broker):
    """It keeps nothing over a restart either."""

    name = "mosquitto"

    def _command(self) -> list[str]:
        config = self._directory / "mosquitto.conf"
        config.write_text(_CONFIG.format(port=self.port))
        return [find("mosquitto") or "mosquitto", "-c", str(config)]
