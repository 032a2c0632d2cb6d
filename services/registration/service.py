"""The doors of registration: requests, events, timers; one line each into the rules behind."""

from __future__ import annotations

from typing import Any

from services.chassis.doors import Chassis, command, due, hears, query
from services.chassis.inbox import HeardEvent
from services.chassis.mail_doors import MailDoors
from services.chassis.work import Work
from services.registration import (
    attendance,
    changes,
    coaches,
    consents,
    cycle,
    decisions,
    desk,
    holds,
    hosts,
    joint_body,
    marathons,
    messages,
    moves,
    offers,
    people,
    personal_data,
    projects,
    reactions,
    relay,
    roles,
    signin,
    tables,
    teams,
    tokens,
)
from services.registration.partners import incoming, status
from services.registration.partners.depot import Depot

Request = dict[str, Any]


class RegistrationService(MailDoors):
    """What registration owns, says and hears: the doors."""

    name = "registration"
    chassis = Chassis(messages, tables.Base.metadata, make_depot=Depot)

    @hears
    def heard(self, work: Work, event: HeardEvent) -> None:
        reactions.react(work, event)

    @due
    def fall_due(self, work: Work) -> None:
        reactions.fall_due(work)

    # --- cycles, marathons, hosts, relay (registration A) ---------------------------------

    @command
    def open_cycle(self, work: Work, request: Request) -> Any:
        return cycle.open_cycle(work, **request)

    @query
    def list_cycles(self, work: Work, request: Request) -> Any:
        return cycle.list_cycles(work, **request)

    @query
    def get_cycle(self, work: Work, request: Request) -> Any:
        return cycle.get_cycle(work, **request)

    @query
    def get_marathon(self, work: Work, request: Request) -> Any:
        return marathons.public_view(work, **request)

    @query
    def get_desk(self, work: Work, request: Request) -> Any:
        return desk.desk(work, **request)

    @command
    def change_marathon(self, work: Work, request: Request) -> Any:
        return changes.change(work, **request)

    @command
    def move_marathon(self, work: Work, request: Request) -> Any:
        return moves.move(work, **request)

    @query
    def list_moves(self, work: Work, request: Request) -> Any:
        return moves.list_moves(work, **request)

    @query
    def list_missing(self, work: Work, request: Request) -> Any:
        return moves.list_missing(work, **request)

    @command
    def set_host(self, work: Work, request: Request) -> Any:
        return hosts.set_host(work, **request)

    @command
    def reveal_host(self, work: Work, request: Request) -> Any:
        return hosts.reveal_host(work, **request)

    @query
    def list_relays(self, work: Work, request: Request) -> Any:
        return relay.list_relays(work, **request)

    @command
    def answer_relay(self, work: Work, request: Request) -> Any:
        return relay.answer(work, **request)

    @command
    def reassign_relay(self, work: Work, request: Request) -> Any:
        return joint_body.reassign(work, **request)

    @command
    def offer_relay(self, work: Work, request: Request) -> Any:
        return offers.offer_again(work, **request)

    @command
    def withdraw_relay(self, work: Work, request: Request) -> Any:
        return offers.withdraw(work, **request)

    @query
    def relay_status(self, work: Work, request: Request) -> Any:
        return status.relay_status(work, **request)

    @query
    def list_partners(self, work: Work, request: Request) -> Any:
        return status.list_partners(work, **request)

    @command
    def receive_package(self, work: Work, request: Request) -> Any:
        return incoming.receive(work, request["package"])

    # --- people, roles, sign-in, projects, teams, coaches (registration B) ----------------

    @command
    def grant_role(self, work: Work, request: Request) -> Any:
        return roles.grant(work, **request)

    @command
    def revoke_role(self, work: Work, request: Request) -> Any:
        return roles.revoke(work, **request)

    @query
    def list_roles(self, work: Work, request: Request) -> Any:
        return roles.list_roles(work, **request)

    @command
    def request_sign_in(self, work: Work, request: Request) -> Any:
        return signin.request(work, **request)

    @command
    def sign_in(self, work: Work, request: Request) -> Any:
        return signin.sign_in(work, **request)

    @command
    def identify(self, work: Work, request: Request) -> Any:
        return signin.identify(work, **request)

    @command
    def set_language(self, work: Work, request: Request) -> Any:
        return people.set_language(work, **request)

    @command
    def sign_out(self, work: Work, request: Request) -> Any:
        return signin.sign_out(work, **request)

    @command
    def create_token(self, work: Work, request: Request) -> Any:
        return tokens.create(work, **request)

    @command
    def revoke_token(self, work: Work, request: Request) -> Any:
        return tokens.revoke(work, **request)

    @query
    def list_tokens(self, work: Work, request: Request) -> Any:
        return tokens.list_tokens(work, **request)

    @command
    def erase_person(self, work: Work, request: Request) -> Any:
        return personal_data.erase(work, **request)

    @query
    def my_data(self, work: Work, request: Request) -> Any:
        return personal_data.my_data(work, **request)

    @query
    def get_consents(self, work: Work, request: Request) -> Any:
        return consents.get(work, **request)

    @command
    def set_consents(self, work: Work, request: Request) -> Any:
        return consents.set_(work, **request)

    @command
    def hold_purge(self, work: Work, request: Request) -> Any:
        return holds.place(work, **request)

    @command
    def lift_hold(self, work: Work, request: Request) -> Any:
        return holds.lift(work, **request)

    @query
    def list_holds(self, work: Work, request: Request) -> Any:
        return holds.list_holds(work, **request)

    @command
    def register_project(self, work: Work, request: Request) -> Any:
        return projects.register(work, **request)

    @command
    def submit_project(self, work: Work, request: Request) -> Any:
        return projects.submit(work, **request)

    @command
    def decide_project(self, work: Work, request: Request) -> Any:
        return decisions.decide(work, **request)

    @command
    def publish_decisions(self, work: Work, request: Request) -> Any:
        return decisions.publish(work, **request)

    @command
    def confirm_project(self, work: Work, request: Request) -> Any:
        return decisions.confirm(work, **request)

    @command
    def change_project(self, work: Work, request: Request) -> Any:
        return projects.change(work, **request)

    @command
    def withdraw_project(self, work: Work, request: Request) -> Any:
        return projects.withdraw(work, **request)

    @command
    def check_in(self, work: Work, request: Request) -> Any:
        return attendance.check_in(work, **request)

    @command
    def no_show(self, work: Work, request: Request) -> Any:
        return attendance.no_show(work, **request)

    @command
    def disqualify_project(self, work: Work, request: Request) -> Any:
        return attendance.disqualify(work, **request)

    @query
    def get_project(self, work: Work, request: Request) -> Any:
        return projects.get(work, **request)

    @query
    def list_projects(self, work: Work, request: Request) -> Any:
        return projects.list_projects(work, **request)

    @query
    def get_team(self, work: Work, request: Request) -> Any:
        return teams.get_team(work, **request)

    @command
    def renew_join_code(self, work: Work, request: Request) -> Any:
        return teams.renew_code(work, **request)

    @command
    def join_team(self, work: Work, request: Request) -> Any:
        return teams.join(work, **request)

    @command
    def request_to_join(self, work: Work, request: Request) -> Any:
        return teams.request(work, **request)

    @command
    def answer_request(self, work: Work, request: Request) -> Any:
        return teams.answer(work, **request)

    @command
    def leave_team(self, work: Work, request: Request) -> Any:
        return teams.leave(work, **request)

    @command
    def pair_coach(self, work: Work, request: Request) -> Any:
        return coaches.pair(work, **request)

    @query
    def list_coaches(self, work: Work, request: Request) -> Any:
        return coaches.list_coaches(work, **request)
