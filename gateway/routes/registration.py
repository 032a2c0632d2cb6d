"""Routes to registration: cycles, marathons, the relay, roles and sign-in."""

from __future__ import annotations

from gateway.access import Who
from gateway.routes.row import Route

# A table: one row, one route.
# fmt: off
CYCLES = (
    Route("POST", "/cycles", "registration.open_cycle", Who.ORGANISER_ALL,
          "Load a cycle file; loading it twice changes nothing", 201),
    Route("GET", "/cycles", "registration.list_cycles", Who.ANYONE,
          "All cycles"),
    Route("GET", "/cycles/<cycle>", "registration.get_cycle", Who.ANYONE,
          "A cycle with its marathons"),
    Route("GET", "/cycles/<cycle>/relays", "registration.list_relays", Who.ORGANISER_ANY,
          "The ways the baton went"),
    Route("POST", "/cycles/<cycle>/relays", "registration.reassign_relay", Who.ORGANISER_ALL,
          "Say who holds the baton from now on", 201),
    Route("POST", "/cycles/<cycle>/offers", "registration.offer_relay", Who.ORGANISER_ANY,
          "Offer the baton to a host of one's choice", 201),
    Route("GET", "/cycles/<cycle>/relay", "registration.relay_status", Who.ORGANISER_ANY,
          "Where the relay is: the chain of grants, who was seen with each, what waits"),
    Route("GET", "/partners", "registration.list_partners", Who.ORGANISER_ANY,
          "The partners' instances, how the links to them are, what was refused of whom"),
    Route("DELETE", "/relays/<relay>", "registration.withdraw_relay", Who.ORGANISER_ANY,
          "Take an offer back that was not granted yet"),
    Route("POST", "/relays/<relay>/answer", "registration.answer_relay", Who.ORGANISER_ANY,
          "Accept or refuse the baton that was offered"),
)

MARATHONS = (
    Route("GET", "/marathons/<marathon>", "registration.get_marathon", Who.ANYONE,
          "A marathon as everybody may know it"),
    Route("PATCH", "/marathons/<marathon>", "registration.change_marathon", Who.ORGANISER,
          "Change dates, title or settings"),
    Route("GET", "/marathons/<marathon>/desk", "registration.get_desk", Who.ORGANISER,
          "The organisers' desk: host, what is missing, the log"),
    Route("PUT", "/marathons/<marathon>/host", "registration.set_host", Who.ORGANISER,
          "Set the host town, secret until it is revealed"),
    Route("POST", "/marathons/<marathon>/host/reveal", "registration.reveal_host", Who.ORGANISER,
          "Reveal the host town to everybody"),
    Route("POST", "/marathons/<marathon>/moves", "registration.move_marathon", Who.ORGANISER,
          "Move the marathon on to its next state"),
    Route("GET", "/marathons/<marathon>/moves", "registration.list_moves", Who.ORGANISER,
          "The log of the marathon's moves"),
    Route("GET", "/marathons/<marathon>/missing", "registration.list_missing", Who.ORGANISER,
          "All that is missing before a move"),
)

ROLES = (
    Route("POST", "/marathons/<marathon>/roles", "registration.grant_role", Who.ORGANISER,
          "Give somebody a role in this marathon", 201),
    Route("POST", "/roles", "registration.grant_role", Who.ORGANISER_ALL,
          "Give somebody a role in all marathons", 201, alias="grant_role_everywhere"),
    Route("GET", "/marathons/<marathon>/roles", "registration.list_roles", Who.ORGANISER,
          "Who has which role in this marathon"),
    Route("DELETE", "/roles/<role_id>", "registration.revoke_role", Who.ORGANISER_ANY,
          "Take a role away"),
    Route("POST", "/marathons/<marathon>/tokens", "registration.create_token", Who.ORGANISER,
          "Make a machine's token for this marathon, shown this once", 201),
    Route("POST", "/tokens", "registration.create_token", Who.ORGANISER_ALL,
          "Make a machine's token, shown this once", 201, alias="create_token_everywhere"),
    Route("GET", "/tokens", "registration.list_tokens", Who.ORGANISER_ANY,
          "The tokens of one's marathons, without their secrets"),
    Route("DELETE", "/tokens/<id>", "registration.revoke_token", Who.ORGANISER_ANY,
          "Revoke a token"),
)

SIGN_IN = (
    Route("POST", "/sign-in/requests", "registration.request_sign_in", Who.ANYONE,
          "Ask for a mail with a link and a code", 202),
    Route("POST", "/sign-in", "registration.sign_in", Who.ANYONE,
          "Exchange the mailed link or code for a session", 201),
    Route("POST", "/sign-out", "registration.sign_out", Who.PERSON,
          "End this session, or all of them"),
    Route("GET", "/me/consents", "registration.get_consents", Who.PERSON,
          "What I consented to, and when"),
    Route("PATCH", "/me/consents", "registration.set_consents", Who.PERSON,
          "Give or withdraw consents; what is left out stays as it is"),
    Route("PUT", "/me/language", "registration.set_language", Who.PERSON,
          "Choose the language of the letters to me"),
    Route("DELETE", "/me", "registration.erase_person", Who.PERSON,
          "Erase me"),
    Route("DELETE", "/people/<key>", "registration.erase_person", Who.ORGANISER_ALL,
          "Erase somebody who asked for it", alias="erase_somebody"),
)

HOLDS = (
    Route("POST", "/marathons/<marathon>/hold", "registration.hold_purge", Who.ORGANISER_ALL,
          "Hold the purge of a marathon while a dispute lasts", 201),
    Route("DELETE", "/marathons/<marathon>/hold", "registration.lift_hold", Who.ORGANISER_ALL,
          "Let the purge go on"),
    Route("GET", "/holds", "registration.list_holds", Who.ORGANISER_ALL,
          "All disputes that hold or held a purge"),
)

ROUTES = (*CYCLES, *MARATHONS, *ROLES, *SIGN_IN, *HOLDS)
