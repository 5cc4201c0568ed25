create table room
(
    id   int auto_increment
        primary key,
    name varchar(40) null
);

create table lamp
(
    id      int auto_increment
        primary key,
    room_id int         null,
    name    varchar(40) null,
    constraint lamp_room
        foreign key (room_id) references room (id)
            on delete set null
);

create index lamp_name_index
    on lamp (name, id);

create unique index room_name_uindex
    on room (name desc);

INSERT INTO room (id, name) VALUES (1, 'hall');
INSERT INTO lamp (id, room_id, name) VALUES (1, 1, 'desk');
INSERT INTO lamp (id, room_id, name) VALUES (2, null, 'it''s');
