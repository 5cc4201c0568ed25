-- phpMyAdmin SQL Dump
-- version 5.2.1
-- https://www.phpmyadmin.net/
--
-- Host: localhost:3306
-- Generation Time: Nov 20, 2026 at 10:00 AM
-- Server version: 8.0.36
-- PHP Version: 8.2.12

SET FOREIGN_KEY_CHECKS=0;
SET SQL_MODE = "NO_AUTO_VALUE_ON_ZERO";
SET AUTOCOMMIT = 0;
START TRANSACTION;
SET time_zone = "+00:00";


/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;
/*!40101 SET @OLD_CHARACTER_SET_RESULTS=@@CHARACTER_SET_RESULTS */;
/*!40101 SET @OLD_COLLATION_CONNECTION=@@COLLATION_CONNECTION */;
/*!40101 SET NAMES utf8mb4 */;

--
-- Database: `shop`
--
CREATE DATABASE IF NOT EXISTS `shop` DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;
USE `shop`;

DELIMITER $$
--
-- Procedures
--
DROP PROCEDURE IF EXISTS `dim`$$
CREATE DEFINER=`root`@`localhost` PROCEDURE `dim` (IN `n` INT)   BEGIN
  -- every lamp; also those that are off
  UPDATE lamp SET watt = watt - n WHERE watt > n;
END$$

--
-- Functions
--
DROP FUNCTION IF EXISTS `gross`$$
CREATE DEFINER=`root`@`localhost` FUNCTION `gross` (`net` DECIMAL(8,2)) RETURNS DECIMAL(8,2) DETERMINISTIC NO SQL RETURN net * 1.2$$

DELIMITER ;

-- --------------------------------------------------------

--
-- Table structure for table `lamp`
--

DROP TABLE IF EXISTS `lamp`;
CREATE TABLE IF NOT EXISTS `lamp` (
  `id` int(10) UNSIGNED NOT NULL,
  `room_id` int(11) DEFAULT NULL,
  `watt` double DEFAULT NULL,
  `code` varchar(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `flags` bit(3) NOT NULL DEFAULT b'0',
  `picture` blob DEFAULT NULL,
  `made` timestamp NOT NULL DEFAULT current_timestamp()
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci COMMENT='all; of them';

--
-- Truncate table before insert `lamp`
--

TRUNCATE TABLE `lamp`;
--
-- Dumping data for table `lamp`
--

INSERT INTO `lamp` (`id`, `room_id`, `watt`, `code`, `flags`, `picture`, `made`) VALUES
(1, 1, 40, 'a', b'101', 0x00ff5c27, '2024-01-02 03:04:05'),
(7, 2, 60.5, 'b', b'000', NULL, '2024-01-02 03:04:05');
INSERT INTO `lamp` (`id`, `room_id`, `watt`, `code`, `flags`, `picture`, `made`) VALUES
(0, NULL, NULL, 'zero', b'111', '', '2024-01-02 03:04:05');

--
-- Triggers `lamp`
--
DROP TRIGGER IF EXISTS `lamp_bi`;
DELIMITER $$
CREATE TRIGGER `lamp_bi` BEFORE INSERT ON `lamp` FOR EACH ROW BEGIN
  IF NEW.watt IS NULL THEN
    SET NEW.watt = 1;
  END IF;
END
$$
DELIMITER ;

-- --------------------------------------------------------

--
-- Stand-in structure for view `lit`
-- (See below for the actual view)
--
DROP VIEW IF EXISTS `lit`;
CREATE TABLE IF NOT EXISTS `lit` (
`id` int(10) unsigned
,`name` varchar(40)
);

-- --------------------------------------------------------

--
-- Stand-in structure for view `named`
-- (See below for the actual view)
--
DROP VIEW IF EXISTS `named`;
CREATE TABLE IF NOT EXISTS `named` (
`name` varchar(40)
);

-- --------------------------------------------------------

--
-- Table structure for table `room`
--

DROP TABLE IF EXISTS `room`;
CREATE TABLE IF NOT EXISTS `room` (
  `id` int(11) NOT NULL,
  `name` varchar(40) NOT NULL,
  `about` text DEFAULT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;

TRUNCATE TABLE `room`;
INSERT INTO `room` (`id`, `name`, `about`) VALUES
(1, 'hall', 'it''s; a "trap" -- no'),
(2, 'größer 灯 🙂', 'line\r\nbreak');

-- --------------------------------------------------------

--
-- Structure for view `lit`
--
DROP TABLE IF EXISTS `lit`;

DROP VIEW IF EXISTS `lit`;
CREATE ALGORITHM=UNDEFINED DEFINER=`root`@`localhost` SQL SECURITY DEFINER VIEW `lit`  AS SELECT `lamp`.`id` AS `id`, `named`.`name` AS `name` FROM (`lamp` join `named`) WHERE `lamp`.`watt` > 50 ;

-- --------------------------------------------------------

--
-- Structure for view `named`
--
DROP TABLE IF EXISTS `named`;

DROP VIEW IF EXISTS `named`;
CREATE ALGORITHM=UNDEFINED DEFINER=`root`@`localhost` SQL SECURITY DEFINER VIEW `named`  AS SELECT `room`.`name` AS `name` FROM `room` ;

--
-- Indexes for dumped tables
--

--
-- Indexes for table `lamp`
--
ALTER TABLE `lamp`
  ADD PRIMARY KEY (`id`),
  ADD UNIQUE KEY `code` (`code`) USING BTREE,
  ADD KEY `room_id` (`room_id`,`watt`);

--
-- Indexes for table `room`
--
ALTER TABLE `room`
  ADD PRIMARY KEY (`id`),
  ADD KEY `start` (`name`(10));
ALTER TABLE `room` ADD FULLTEXT KEY `about` (`about`);

--
-- AUTO_INCREMENT for dumped tables
--

--
-- AUTO_INCREMENT for table `lamp`
--
ALTER TABLE `lamp`
  MODIFY `id` int(10) UNSIGNED NOT NULL AUTO_INCREMENT, AUTO_INCREMENT=12;

--
-- AUTO_INCREMENT for table `room`
--
ALTER TABLE `room`
  MODIFY `id` int(11) NOT NULL AUTO_INCREMENT COMMENT 'counts, up', AUTO_INCREMENT=3;

--
-- Constraints for dumped tables
--

--
-- Constraints for table `lamp`
--
ALTER TABLE `lamp`
  ADD CONSTRAINT `lamp_room` FOREIGN KEY (`room_id`) REFERENCES `room` (`id`) ON DELETE SET NULL ON UPDATE CASCADE;

DELIMITER $$
--
-- Events
--
DROP EVENT IF EXISTS `nightly`$$
CREATE DEFINER=`root`@`localhost` EVENT `nightly` ON SCHEDULE EVERY 1 DAY STARTS '2026-01-01 03:00:00' ON COMPLETION PRESERVE DISABLE DO DELETE FROM lamp WHERE watt = 0$$

DELIMITER ;
SET FOREIGN_KEY_CHECKS=1;
COMMIT;

/*!40101 SET CHARACTER_SET_CLIENT=@OLD_CHARACTER_SET_CLIENT */;
/*!40101 SET CHARACTER_SET_RESULTS=@OLD_CHARACTER_SET_RESULTS */;
/*!40101 SET COLLATION_CONNECTION=@OLD_COLLATION_CONNECTION */;
