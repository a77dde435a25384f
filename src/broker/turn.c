#include "broker/turn.h"

static void turn_run(Turn *turn) {
    ListNode *node;
    while ((node = list_pop(&turn->tasks))) {
        TurnTask *task = container_of(node, TurnTask, link);
        task->run(task);
    }
}

static void turn_on_prepare(uv_prepare_t *handle) {
    turn_run(handle->data);
}

static void turn_on_check(uv_check_t *handle) {
    turn_run(handle->data);
}

void turn_init(Turn *turn, uv_loop_t *loop) {
    list_init(&turn->tasks);
    uv_prepare_init(loop, &turn->prepare);
    uv_check_init(loop, &turn->check);
    turn->prepare.data = turn->check.data = turn;
    uv_prepare_start(&turn->prepare, turn_on_prepare);
    uv_check_start(&turn->check, turn_on_check);
    uv_unref((uv_handle_t *)&turn->prepare);
    uv_unref((uv_handle_t *)&turn->check);
}

void turn_close(Turn *turn) {
    while (list_pop(&turn->tasks))
        ;
    uv_close((uv_handle_t *)&turn->prepare, NULL);
    uv_close((uv_handle_t *)&turn->check, NULL);
}

void turn_task_init(TurnTask *task, void (*run)(TurnTask *task)) {
    list_init(&task->link);
    task->run = run;
}

void turn_add(Turn *turn, TurnTask *task) {
    if (!list_is_linked(&task->link))
        list_append(&turn->tasks, &task->link);
}

void turn_cancel(TurnTask *task) {
    list_unlink(&task->link);
}
