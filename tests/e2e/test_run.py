"""Run and Clock, the parts of the player that know no page, in a real browser."""

import json

import pytest

from tests.e2e.bench import evaluated, tape

# ---- Run ----------------------------------------------------------------------------------------


def test_a_null_picture_is_that_of_the_frame_before(bench):
    assert (
        evaluated(
            bench(),
            """take({ ...head, frames: [frame(0), frame(1, { pictures: [null] })] });
        take({ frames: [frame(2, { pictures: [null] })] });
        return run.frames.map((each) => each.pictures[0]);""",
        )
        == ["data:,0"] * 3
    )


def test_messages_that_were_missed_leave_a_gap_until_the_last_one(bench):
    got = evaluated(
        bench(),
        """take({ ...head, frames: [frame(0)] });
        take({ frames: [frame(2)] });
        const gap = [run.count, run.at(1).i, run.nearest(0.5, 0)];
        take({ ...head, status: "done", frames: [frame(0), frame(1), frame(2)] });
        return [gap, run.at(1).i, run.status];""",
    )
    assert got == [[3, 0, 0], 1, "done"]


def test_the_head_may_come_later_than_the_first_frames(bench):
    assert evaluated(
        bench(),
        """take({ frames: [frame(0)] });
        const early = [run.count, run.total, run.head.panels.length];
        take({ ...head, frames: [frame(1)] });
        return [early, run.count, run.total, run.head.title];""",
    ) == [[1, 1, 0], 2, 3, "a run"]


def test_a_refined_picture_replaces_that_of_its_run_alone(bench):
    assert evaluated(
        bench(),
        """take({ ...head, status: "done", frames: [frame(0, { approx: [0] }), frame(1)] });
        take({ refined: true, status: "done",
               frames: [frame(0, { pictures: ["data:,full"], approx: [] })] });
        const mended = [run.frames[0].pictures[0], run.frames[0].approx.length, run.count];
        const late = take({ run: "b", refined: true, status: "done", frames: [frame(0)] });
        return [mended, late, run.id];""",
    ) == [["data:,full", 0, 2], None, "a"]


def test_stop_keeps_the_frames_and_those_that_are_on_their_way(bench):
    assert evaluated(
        bench(),
        """take({ ...head, frames: [frame(0)] });
        run.stop(1000);
        take({ frames: [frame(1)] }, 1100);
        const late = [run.status, run.count];
        take({ run: "b", ...head, frames: [frame(0)] }, 1200);
        const other = run.status;
        take({ run: "c", ...head, frames: [frame(0)] }, 2000);
        return [late, other, run.status];""",
    ) == [["stopped", 2], "stopped", "running"]


def test_a_frame_of_a_replaced_run_is_late(bench):
    assert evaluated(
        bench(),
        """take({ ...head, frames: [frame(0)] });
        take({ run: "b", ...head, frames: [frame(0)] });
        const late = take({ frames: [frame(1)] });
        const first = run.id;
        take({ ...head, status: "done", frames: [frame(0), frame(1)] }); // shown again, whole
        return [late, first, run.id];""",
    ) == [None, "b", "a"]


def test_what_was_on_screen_stays_while_a_run_waits(bench):
    assert evaluated(
        bench(),
        """take({ ...head, status: "done", frames: [frame(0), frame(1)] });
        take({ run: "b", status: "waiting", say: ["player.waiting", {}] });
        const waits = [run.waiting.say[0], run.count, run.status];
        run.stop(0); // it was refused
        const refused = [run.waiting, run.count, run.status];
        take({ run: "b", status: "waiting", say: "again" }, 1000);
        const stopped = run.waiting; // a message of the run that was stopped
        take({ run: "c", status: "waiting", say: "loading" }, 2000);
        take({ run: "c", ...head, frames: [frame(0)] }, 2100);
        return [waits, refused, stopped, run.waiting, run.count, run.id];""",
    ) == [["player.waiting", 2, "done"], [None, 2, "done"], None, None, 1, "c"]


def test_a_pressed_button_waits_for_the_next_run_and_not_for_the_one_before(bench):
    assert evaluated(
        bench(),
        """take({ ...head, frames: [frame(0)] }, 0);
        run.stop(1000);
        run.press(1100);
        const seen = [];
        const look = () => seen.push([Boolean(run.waiting), run.id, run.count]);
        take({ frames: [frame(1)] }, 1150); // of the run before, on its way
        look();
        take({ run: "b", status: "waiting", say: "loading" }, 1160);
        seen.push(run.waiting.say);
        take({ refined: true, status: "done", frames: [frame(0)] }, 1170);
        look();
        take({ run: "b", ...head, frames: [frame(0)] }, 1200);
        look();
        return [seen, run.status];""",
    ) == [[[True, "a", 2], "loading", [True, "a", 2], [False, "b", 1]], "running"]


def test_a_run_that_turns_has_a_row_for_each_pass(bench):
    message = json.loads(tape("inversion"))
    page = bench()
    rows = page.evaluate(
        """(message) => {
          const run = new stepwise.Run();
          run.take(message, 0);
          return run.passes().map((pass) => pass.map((frame) => frame.pos));
        }""",
        message,
    )
    assert len(rows) == 3 and sum(map(len, rows)) == len(message["frames"])
    assert rows[0] == sorted(rows[0])
    assert all(row == sorted(row, reverse=True) for row in rows[1:])


# ---- Clock --------------------------------------------------------------------------------------


def test_arriving_frames_are_shown_in_the_time_that_they_took(bench):
    assert evaluated(
        bench(),
        """const message = (from, to) => ({ ...head, total: 40, frames:
          Array.from({ length: to - from }, (_, k) => frame(from + k, { pos: 0 })) });
        take(message(0, 1), 0);
        take(message(1, 11), 500); // 10 frames in 500 ms, of which at most 200 ms are kept
        const seen = [clock.index];
        for (const now of [500, 520, 540, 600, 700]) { clock.tick(now); seen.push(clock.index); }
        return [seen, clock.motion, clock.follow];""",
    ) == [[0, 1, 2, 3, 6, 10], None, True]


def test_a_calm_page_shows_the_newest_frame_at_once(bench):
    assert evaluated(
        bench(),
        """take({ ...head, frames: [frame(0)] }, 0, true);
        take({ frames: [frame(1), frame(2)] }, 500, true);
        return [clock.index, clock.motion];""",
    ) == [2, None]


def test_whoever_looks_back_is_not_carried_forward(bench):
    assert evaluated(
        bench(),
        """take({ ...head, frames: [frame(0), frame(1)] });
        clock.seek(0);
        take({ frames: [frame(2)] }, 500);
        const looked = clock.index;
        clock.seek(2);
        return [looked, clock.follow];""",
    ) == [0, True]


def test_the_place_is_kept_between_runs_that_have_it_in_common(bench):
    assert evaluated(
        bench(),
        """const whole = (id, keep) => take({ run: id, ...head, keep, status: "done",
          frames: [frame(0), frame(1), frame(2)] });
        whole("a", "schedule");
        clock.seek(1);
        whole("b", "schedule");
        const kept = clock.index;
        whole("c", "other");
        take({ run: "d", ...head, start: 1, status: "tape", frames: [frame(0), frame(1)] });
        return [kept, clock.index];""",
    ) == [1, 1]


@pytest.mark.parametrize("speed", [1 / 8, 1 / 4, 1 / 2, 1, 2, 4])
def test_playing_goes_at_the_chosen_speed(bench, speed):
    assert evaluated(
        bench(),
        f"""long(11);
        clock.setSpeed({speed}, 0);
        clock.play(0);
        const pace = 100 / {speed}, seen = [];
        for (const step of [0, 0.5, 1.01, 5.01, 9.99]) {{
          clock.tick(step * pace); seen.push(clock.index);
        }}
        clock.tick(10 * pace);
        return [seen, clock.index, clock.playing];""",
    ) == [[0, 0, 1, 5, 9], 10, False]


def test_a_changed_speed_goes_on_from_the_frame_on_screen(bench):
    page = bench()
    assert evaluated(
        page,
        """long(11); clock.play(0); clock.tick(450);
        clock.setSpeed(4, 450);
        const at = clock.index;
        clock.tick(450 + 51);
        return [at, clock.index];""",
    ) == [4, 6]
    refused = "try { clock.setSpeed(3, 0); } catch (error) { return error.message; }"
    assert evaluated(page, refused).startswith("speed must be one of")


def test_a_loop_rests_on_the_last_frame_and_begins_again(bench):
    assert evaluated(
        bench(),
        """long(5); clock.loop = true; clock.play(0);
        const seen = [];
        for (const now of [0, 399, 400, 1200, 1301, 1402]) {
          clock.tick(now); seen.push(clock.index);
        }
        return [seen, clock.playing];""",
    ) == [[0, 3, 4, 4, 0, 1], True]


def test_a_long_run_plays_in_twenty_seconds(bench):
    assert evaluated(bench(), "long(1000); return clock.tempo();") == 20


def test_two_runs_under_one_clock_stand_at_the_same_noise_level(bench):
    assert evaluated(
        bench(),
        """const other = new stepwise.Run();
        take({ ...head, status: "done", frames: [frame(0), frame(1), frame(2)] });
        other.take({ run: "o", ...head, status: "done", frames: [1, 0.8, 0.55, 0.3, 0].map(
          (pos, i) => frame(i, { pos })) }, 0);
        return [0, 1, 2].map((i) => { clock.seek(i); return clock.frameOf(other).i; });""",
    ) == [0, 2, 4]
